-- Customers, orders, outages and shops of the imaginary operator Télémont, as they stand on 26 November 2026.
-- Every person, outage and shop is invented; the telephone numbers are from the ranges kept free for fiction
-- (01 99 00 xx xx and 06 39 98 xx xx). After a change: scripts/pharma-stock

create table customer (
  id integer primary key, -- the customer number, eight digits
  name text not null,
  phone text not null unique,
  postcode text not null,
  balance_cents integer not null, -- what is to be paid; below zero, what we owe
  due_on text,                    -- until when, null if nothing is to be paid
  next_invoice_on text not null,
  next_cents integer not null
);

create table orders (
  id integer primary key, -- seven digits
  customer integer not null references customer (id),
  article text not null,
  placed_on text not null,
  arrives_on text, -- the day it came or is expected, null if unknown
  status text not null check (status in ('preparing', 'waiting', 'shipped', 'delivered', 'cancelled'))
);

create table invoice (
  number text primary key,
  customer integer not null references customer (id),
  issued_on text not null, -- the fifth of the month that it is for
  amount_cents integer not null
);

create table outage (
  id integer primary key,
  postcode text not null,
  town text not null,
  service text not null,
  back_on text, -- the day and the time it is expected to be over, null if unknown
  back_at text
);

create table shop (
  id integer primary key,
  city text not null unique,
  opens text not null,
  closes text not null,
  saturday_opens text not null,
  saturday_closes text not null,
  sunday_opens text, -- null: closed
  sunday_closes text,
  aliases text not null -- other names that callers say, separated by |
);

insert into customer (id, name, phone, postcode, balance_cents, due_on, next_invoice_on, next_cents) values
  (40710019, 'Alice Abrisel', '+33639985000', '44970', 4590, '2026-12-05', '2027-01-05', 3990),
  (40710156, 'Bastien Hennelin', '+33199005131', '35980', 0, null, '2026-12-05', 2990),
  (40710293, 'Chloé Orsonval', '+33639985002', '69970', 12870, '2026-10-20', '2027-01-05', 4290),
  (40710430, 'Damien Bontemar', '+33199005193', '33990', -1500, null, '2026-12-05', 1990),
  (40710567, 'Elsa Istrade', '+33639985004', '59970', 0, null, '2026-12-05', 2490),
  (40710704, 'Fabrice Pradelune', '+33199005255', '31970', 7980, '2026-11-05', '2027-01-05', 3990),
  (40710841, 'Gaëlle Corvalin', '+33639985006', '38970', 3980, '2026-11-05', '2027-01-05', 1990),
  (40710978, 'Hugo Jouvenal', '+33199005317', '67990', 0, null, '2026-12-05', 1990),
  (40711115, 'Inès Quillebel', '+33639985008', '44970', -500, null, '2026-12-05', 2490),
  (40711252, 'Joris Dumarest', '+33199005379', '35980', 2990, '2026-12-05', '2027-01-05', 2990),
  (40711389, 'Karine Kermadel', '+33639985010', '69970', 0, null, '2026-12-05', 1990),
  (40711526, 'Loïc Roncevin', '+33199005441', '33990', 1299, '2026-12-05', '2027-01-05', 1299),
  (40711663, 'Maud Estrival', '+33639985012', '59970', 4990, '2026-12-05', '2027-01-05', 4990),
  (40711800, 'Nadir Lorivier', '+33199005503', '31970', 1990, '2026-12-05', '2027-01-05', 1990),
  (40711937, 'Océane Savarel', '+33639985014', '38970', 1299, '2026-12-05', '2027-01-05', 1299),
  (40712074, 'Pascal Ferrandol', '+33199005565', '67990', 0, null, '2026-12-05', 3990),
  (40712211, 'Rosalie Mauvezel', '+33639985016', '44970', 9980, '2026-11-05', '2027-01-05', 4990),
  (40712348, 'Sylvain Tourmalin', '+33199005627', '35980', 4990, '2026-12-05', '2027-01-05', 4990),
  (40712485, 'Tania Gualbert', '+33639985018', '69970', 2490, '2026-12-05', '2027-01-05', 2490),
  (40712622, 'Yvon Norbanel', '+33199005689', '33990', 0, null, '2026-12-05', 1299),
  (40712759, 'Alice Bontemar', '+33639985020', '59970', 2990, '2026-12-05', '2027-01-05', 2990),
  (40712896, 'Bastien Istrade', '+33199005751', '31970', 3990, '2026-12-05', '2027-01-05', 3990),
  (40713033, 'Chloé Pradelune', '+33639985022', '38970', 0, null, '2026-12-05', 2490),
  (40713170, 'Damien Corvalin', '+33199005813', '67990', 3980, '2026-11-05', '2027-01-05', 1990),
  (40713307, 'Elsa Jouvenal', '+33639985024', '44970', 0, null, '2026-12-05', 2990),
  (40713444, 'Fabrice Quillebel', '+33199005875', '35980', 2990, '2026-12-05', '2027-01-05', 2990),
  (40713581, 'Gaëlle Dumarest', '+33639985026', '69970', 1990, '2026-12-05', '2027-01-05', 1990),
  (40713718, 'Hugo Kermadel', '+33199005937', '33990', 0, null, '2026-12-05', 3990),
  (40713855, 'Inès Roncevin', '+33639985028', '59970', 4990, '2026-12-05', '2027-01-05', 4990),
  (40713992, 'Joris Estrival', '+33199005999', '31970', 4990, '2026-12-05', '2027-01-05', 4990),
  (40714129, 'Karine Lorivier', '+33639985030', '38970', 0, null, '2026-12-05', 1990),
  (40714266, 'Loïc Savarel', '+33199006061', '67990', 0, null, '2026-12-05', 1299),
  (40714403, 'Maud Ferrandol', '+33639985032', '44970', 0, null, '2026-12-05', 3990),
  (40714540, 'Nadir Mauvezel', '+33199006123', '35980', 0, null, '2026-12-05', 1299),
  (40714677, 'Océane Tourmalin', '+33639985034', '69970', 7980, '2026-11-05', '2027-01-05', 3990),
  (40714814, 'Pascal Gualbert', '+33199006185', '33990', 2490, '2026-12-05', '2027-01-05', 2490),
  (40714951, 'Rosalie Norbanel', '+33639985036', '59970', 0, null, '2026-12-05', 2490),
  (40715088, 'Sylvain Abrisel', '+33199006247', '31970', 0, null, '2026-12-05', 2490),
  (40715225, 'Tania Hennelin', '+33639985038', '38970', 0, null, '2026-12-05', 1299),
  (40715362, 'Yvon Orsonval', '+33199006309', '67990', 1299, '2026-12-05', '2027-01-05', 1299);

insert into orders (id, customer, article, placed_on, arrives_on, status) values
  (7100007, 40710019, 'combiné sans fil', '2026-11-25', '2026-11-30', 'preparing'),
  (7100438, 40710430, 'téléphone Orélis 4', '2026-11-25', '2026-11-30', 'preparing'),
  (7100869, 40710841, 'répéteur wifi', '2026-11-16', '2026-11-21', 'delivered'),
  (7101300, 40711252, 'décodeur télé', '2026-11-06', '2026-11-10', 'delivered'),
  (7101731, 40711663, 'Télébox', '2026-11-09', '2026-11-12', 'delivered'),
  (7102162, 40712074, 'téléphone Valdo Mini', '2026-11-11', '2026-11-14', 'delivered'),
  (7102593, 40712485, 'répéteur wifi', '2026-11-23', '2026-11-28', 'shipped'),
  (7103024, 40712896, 'Télébox', '2026-11-02', '2026-11-07', 'delivered'),
  (7103455, 40713307, 'Télébox', '2026-11-06', '2026-11-11', 'delivered'),
  (7103886, 40713718, 'décodeur télé', '2026-11-24', '2026-11-30', 'preparing'),
  (7104317, 40714129, 'répéteur wifi', '2026-11-19', '2026-11-23', 'delivered'),
  (7104748, 40714540, 'Télébox', '2026-11-13', '2026-11-17', 'delivered'),
  (7105179, 40714951, 'répéteur wifi', '2026-11-16', '2026-11-19', 'delivered'),
  (7105610, 40715362, 'combiné sans fil', '2026-11-23', '2026-11-27', 'shipped'),
  (7106041, 40710293, 'carte SIM', '2026-11-19', '2026-11-23', 'delivered'),
  (7106472, 40710704, 'Télébox', '2026-11-13', '2026-11-17', 'delivered'),
  (7106903, 40711115, 'carte SIM', '2026-11-18', '2026-11-23', 'delivered'),
  (7107334, 40711526, 'Télébox', '2026-11-19', '2026-11-24', 'delivered'),
  (7107765, 40711937, 'décodeur télé', '2026-11-14', '2026-11-17', 'delivered'),
  (7108196, 40712348, 'téléphone Valdo Mini', '2026-11-11', '2026-11-14', 'delivered'),
  (7108627, 40712759, 'répéteur wifi', '2026-11-19', '2026-11-24', 'delivered'),
  (7109058, 40713170, 'carte SIM', '2026-11-05', '2026-11-09', 'delivered'),
  (7109489, 40713581, 'téléphone Orélis 4', '2026-11-16', '2026-11-20', 'delivered'),
  (7109920, 40713992, 'combiné sans fil', '2026-11-25', '2026-11-30', 'preparing'),
  (7110351, 40714403, 'répéteur wifi', '2026-11-22', '2026-11-26', 'shipped'),
  (7110782, 40714814, 'décodeur télé', '2026-11-23', '2026-11-27', 'shipped'),
  (7111213, 40715225, 'décodeur télé', '2026-11-01', '2026-11-05', 'delivered'),
  (7111644, 40710156, 'combiné sans fil', '2026-11-17', '2026-11-21', 'delivered'),
  (7112075, 40710567, 'téléphone Orélis 4', '2026-11-08', '2026-11-11', 'delivered'),
  (7112506, 40710978, 'Télébox', '2026-11-15', '2026-11-18', 'delivered'),
  (7112937, 40711389, 'Télébox', '2026-11-05', '2026-11-10', 'delivered'),
  (7113368, 40711800, 'téléphone Orélis 4', '2026-11-16', '2026-11-19', 'delivered'),
  (7113799, 40712211, 'répéteur wifi', '2026-11-23', '2026-11-28', 'shipped'),
  (7114230, 40712622, 'combiné sans fil', '2026-11-09', '2026-11-12', 'delivered'),
  (7116217, 40710430, 'téléphone Valdo Mini', '2026-11-03', null, 'waiting'),
  (7117726, 40710704, 'décodeur télé', '2026-11-13', '2026-11-18', 'shipped'),
  (7118803, 40710156, 'téléphone Orélis 4', '2026-11-12', '2026-11-17', 'delivered'),
  (7119945, 40710567, 'répéteur wifi', '2026-11-18', null, 'cancelled'),
  (7120458, 40710019, 'Télébox', '2026-11-23', '2026-11-27', 'shipped'),
  (7121390, 40710293, 'carte SIM', '2026-11-25', '2026-11-30', 'preparing');

-- One a month since January, what the next one will be; now and then with calls beyond the plan.
with recursive month (number) as (select 1 union all select number + 1 from month where number < 11)
insert into invoice (number, customer, issued_on, amount_cents)
select
  printf('F2026%02d-%d', month.number, customer.id),
  customer.id,
  printf('2026-%02d-05', month.number),
  customer.next_cents + case (customer.id + month.number) % 7 when 0 then 850 when 3 then 1240 else 0 end
from customer, month
order by customer.id, month.number;

insert into outage (id, postcode, town, service, back_on, back_at) values
  (1, '44970', 'Mérolles-sur-Loire', 'internet', '2026-11-26', '18:30'),
  (2, '35980', 'Castelvire', 'internet', null, null),
  (3, '69970', 'Montferrain', 'mobile', '2026-11-28', '12:00'),
  (4, '59970', 'Villebrume', 'internet', '2026-11-19', '17:00'),
  (5, '33990', 'Port-Célan', 'télévision', '2026-11-27', '09:00');

insert into shop (id, city, opens, closes, saturday_opens, saturday_closes, sunday_opens, sunday_closes, aliases) values
  (201, 'Bordeaux', '10:00', '19:00', '10:00', '19:30', null, null, 'Bordeaux centre'),
  (202, 'Brest', '10:00', '18:30', '10:00', '18:30', null, null, ''),
  (203, 'Dijon', '09:30', '19:00', '09:30', '19:00', null, null, ''),
  (204, 'Grenoble', '10:00', '19:00', '10:00', '19:00', null, null, 'Grenoble gare'),
  (205, 'Lille', '10:00', '20:00', '10:00', '20:00', '11:00', '18:00', 'Lille centre commercial'),
  (206, 'Limoges', '09:30', '18:30', '09:30', '18:00', null, null, ''),
  (207, 'Lyon', '10:00', '20:00', '10:00', '20:00', '11:00', '19:00', 'Lyon centre commercial'),
  (208, 'Marseille', '10:00', '19:30', '10:00', '19:30', null, null, 'Marseille vieux port'),
  (209, 'Metz', '10:00', '19:00', '10:00', '19:00', null, null, ''),
  (210, 'Montpellier', '10:00', '19:30', '10:00', '20:00', null, null, ''),
  (211, 'Nantes', '10:00', '19:00', '10:00', '19:30', null, null, 'Nantes centre'),
  (212, 'Nice', '10:00', '19:30', '10:00', '19:30', null, null, ''),
  (213, 'Quimper', '09:30', '18:30', '09:30', '18:30', null, null, ''),
  (214, 'Reims', '10:00', '19:00', '10:00', '19:00', null, null, ''),
  (215, 'Rennes', '10:00', '19:00', '10:00', '19:30', null, null, 'Rennes place haute'),
  (216, 'Strasbourg', '10:00', '19:00', '09:30', '19:00', null, null, ''),
  (217, 'Toulouse', '10:00', '20:00', '10:00', '20:00', null, null, 'Toulouse centre'),
  (218, 'Tours', '10:00', '19:00', '10:00', '19:00', null, null, '');
