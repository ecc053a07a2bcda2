use jiff::ToSpan;
use jiff::civil::{Time, date as day};
use proptest::prelude::*;

use super::*;
use crate::slots::{Amount, Context, Country, Currency, Kind, Period, find};

const TODAY: Date = day(2026, 11, 26);

#[test]
fn numbers_are_said_as_the_language_says_them() {
    for (number, french, english, dutch) in [
        (0, "zéro", "zero", "nul"),
        (1, "un", "one", "één"),
        (21, "vingt et un", "twenty-one", "eenentwintig"),
        (22, "vingt-deux", "twenty-two", "tweeëntwintig"),
        (71, "soixante et onze", "seventy-one", "eenenzeventig"),
        (80, "quatre-vingts", "eighty", "tachtig"),
        (81, "quatre-vingt-un", "eighty-one", "eenentachtig"),
        (99, "quatre-vingt-dix-neuf", "ninety-nine", "negenennegentig"),
        (101, "cent un", "one hundred and one", "honderdeen"),
        (200, "deux cents", "two hundred", "tweehonderd"),
        (1_000, "mille", "one thousand", "duizend"),
        (2_006, "deux mille six", "two thousand and six", "tweeduizend zes"),
        (80_000, "quatre-vingt mille", "eighty thousand", "tachtigduizend"),
        (-3, "moins trois", "minus three", "min drie"),
        (2_000_000, "deux millions", "two million", "twee miljoen"),
    ] {
        assert_eq!(cardinal(number, Language::Fr), french);
        assert_eq!(cardinal(number, Language::En), english);
        assert_eq!(cardinal(number, Language::Nl), dutch);
    }
}

#[test]
fn ordinals_are_said_as_the_language_says_them() {
    for (number, french, english, dutch) in [
        (1, "premier", "first", "eerste"),
        (2, "deuxième", "second", "tweede"),
        (3, "troisième", "third", "derde"),
        (5, "cinquième", "fifth", "vijfde"),
        (8, "huitième", "eighth", "achtste"),
        (9, "neuvième", "ninth", "negende"),
        (12, "douzième", "twelfth", "twaalfde"),
        (20, "vingtième", "twentieth", "twintigste"),
        (21, "vingt et unième", "twenty-first", "eenentwintigste"),
        (80, "quatre-vingtième", "eightieth", "tachtigste"),
        (100, "centième", "one hundredth", "honderdste"),
        (103, "cent troisième", "one hundred and third", "honderdderde"),
    ] {
        assert_eq!(ordinal(number, Language::Fr, Gender::Masculine), french);
        assert_eq!(ordinal(number, Language::En, Gender::Masculine), english);
        assert_eq!(ordinal(number, Language::Nl, Gender::Masculine), dutch);
    }
    assert_eq!(ordinal(1, Language::Fr, Gender::Feminine), "première");
}

#[test]
fn the_year_of_a_date_is_said_when_it_is_needed() {
    for (date_said, french, english, dutch) in [
        (day(2026, 9, 15), "le quinze septembre", "the fifteenth of September", "vijftien september"),
        (
            day(2027, 9, 15),
            "le quinze septembre deux mille vingt-sept",
            "the fifteenth of September twenty twenty-seven",
            "vijftien september tweeduizend zevenentwintig",
        ),
        (day(2027, 1, 1), "le premier janvier", "the first of January", "één januari"),
        (
            day(1994, 3, 2),
            "le deux mars mille neuf cent quatre-vingt-quatorze",
            "the second of March nineteen ninety-four",
            "twee maart negentienhonderd vierennegentig",
        ),
    ] {
        assert_eq!(date(date_said, Language::Fr, TODAY), french);
        assert_eq!(date(date_said, Language::En, TODAY), english);
        assert_eq!(date(date_said, Language::Nl, TODAY), dutch);
    }
}

#[test]
fn periods_amounts_times_and_numbers_are_said() {
    let march = Period { first: day(2026, 3, 1), last: day(2026, 3, 31) };
    assert_eq!(period(&march, Language::Fr, TODAY), "mars");
    let days = Period { first: day(2026, 11, 3), last: day(2026, 11, 5) };
    assert_eq!(period(&days, Language::Fr, TODAY), "du trois au cinq novembre");
    assert_eq!(period(&days, Language::Nl, TODAY), "van drie tot en met vijf november");
    let sum = |cents, currency| Amount { cents, currency };
    assert_eq!(amount(sum(4_250, Currency::Eur), Language::Fr), "quarante-deux euros et cinquante centimes");
    assert_eq!(amount(sum(100, Currency::Eur), Language::Fr), "un euro");
    assert_eq!(amount(sum(0, Currency::Eur), Language::Fr), "zéro euro");
    assert_eq!(amount(sum(2_100, Currency::Gbp), Language::Fr), "vingt et une livres sterling");
    assert_eq!(amount(sum(100_000_000, Currency::Eur), Language::Fr), "un million d'euros");
    assert_eq!(amount(sum(250, Currency::Gbp), Language::En), "two pounds and fifty pence");
    assert_eq!(amount(sum(1_550, Currency::Eur), Language::Nl), "vijftien euro en vijftig cent");
    assert_eq!(time(Time::constant(14, 30, 0, 0), Language::Fr), "quatorze heures trente");
    assert_eq!(time(Time::constant(14, 5, 0, 0), Language::En), "two oh five p m");
    assert_eq!(
        phone("+33612903456", Language::Fr),
        "zéro six, douze, quatre-vingt-dix, trente-quatre, cinquante-six"
    );
    assert_eq!(phone("+3225121314", Language::Fr), "zéro deux, cinq cent douze, treize, quatorze");
    assert_eq!(
        phone("+447700900123", Language::En),
        "zero seven seven zero zero, nine zero zero, one two three"
    );
    assert_eq!(
        email("jean_d@la-poste.net", Language::Fr),
        "jean tiret bas d arobase la tiret poste point net"
    );
    assert_eq!(characters("FA20", Language::Fr), "F, A, deux, zéro");
    assert_eq!(decimal(3, "05", Language::Fr), "trois virgule zéro cinq");
}

#[test]
fn counted_nouns_agree() {
    for (number, template, said) in [
        (1, "il reste {n:f} boîte|boîtes.", "il reste une boîte."),
        (21, "il reste {n:f} boîte|boîtes.", "il reste vingt et une boîtes."),
        (0, "{n} euro|euros", "zéro euro"),
        (2, "{n} jour|jours ouvré|ouvrés", "deux jours ouvrés"),
    ] {
        assert_eq!(filled(template, number, Language::Fr), said);
    }
    assert_eq!(filled("{n} box|boxes", 0, Language::En), "zero boxes");
    assert_eq!(filled("{n} doos|dozen", 1, Language::Nl), "één doos");
}

fn languages() -> impl Strategy<Value = Language> {
    prop_oneof![Just(Language::Fr), Just(Language::En), Just(Language::Nl)]
}

/// Says the value and looks for it, alone and in a sentence that ends behind it.
fn read_back(said: &str, language: Language, context: &Context<'_>, kind: Kind) -> Vec<crate::slots::Value> {
    find(said, language, context, &[kind]).into_iter().map(|found| found.value).collect()
}

proptest! {
    #[test]
    fn numbers_read_back(number in prop_oneof![-2_000_i64..3_000, 0_i64..10_000_000_000_000], language in languages()) {
        let said = cardinal(number, language);
        let read = read_back(&said, language, &Context::on(TODAY), Kind::Number);
        prop_assert_eq!(read.iter().map(Value::canonical).collect::<Vec<_>>(), [number.to_string()], "{}", said);
    }

    #[test]
    fn amounts_read_back(cents in prop_oneof![-5_000_i64..200_000, 0_i64..100_000_000_000], which in 0_usize..4, language in languages()) {
        // Hundredths of a dollar, a franc or a pound in another language share the name of the euro's.
        let currency = Currency::ALL[which];
        let is_whole = !matches!((language, currency), (_, Currency::Eur) | (Language::En, Currency::Gbp));
        let cents = if is_whole { cents / 100 * 100 } else { cents };
        let said = amount(Amount { cents, currency }, language);
        let read = read_back(&said, language, &Context::on(TODAY), Kind::Amount);
        let expected = format!("{cents} {}", currency.code());
        prop_assert_eq!(read.iter().map(Value::canonical).collect::<Vec<_>>(), [expected], "{}", said);
    }

    #[test]
    fn dates_read_back(days in -20_000_i32..20_000, language in languages()) {
        let said_day = TODAY.saturating_add(days.days());
        prop_assume!((1_900..2_100).contains(&said_day.year()));
        let said = date(said_day, language, TODAY);
        let read = read_back(&said, language, &Context::on(TODAY), Kind::Date);
        prop_assert_eq!(read.iter().map(Value::canonical).collect::<Vec<_>>(), [said_day.to_string()], "{}", said);
    }

    #[test]
    fn periods_read_back(days in -3_000_i32..3_000, length in 1_i32..60, whole in 0_u8..3, language in languages()) {
        let first = TODAY.saturating_add(days.days());
        let days = match whole {
            0 => Period { first: first.first_of_month(), last: first.last_of_month() },
            1 => Period { first: first.first_of_year(), last: first.last_of_year() },
            _ => Period { first, last: first.saturating_add(length.days()) },
        };
        let said = period(&days, language, TODAY);
        let read = read_back(&said, language, &Context::on(TODAY), Kind::Period);
        let expected = format!("{}/{}", days.first, days.last);
        prop_assert_eq!(read.iter().map(Value::canonical).collect::<Vec<_>>(), [expected], "{}", said);
    }

    #[test]
    fn times_read_back(hour in 0_i8..24, minute in 0_i8..60, language in languages()) {
        let at = Time::constant(hour, minute, 0, 0);
        let said = time(at, language);
        let read = read_back(&said, language, &Context::on(TODAY), Kind::Time);
        prop_assert_eq!(read.iter().map(Value::canonical).collect::<Vec<_>>(), [format!("{hour:02}:{minute:02}")], "{}", said);
    }

    #[test]
    fn phones_read_back(
        number in prop_oneof![
            "\\+33[1-9][0-9]{8}", "\\+324[5-9][0-9]{7}", "\\+32[23][0-9]{7}", "\\+31[1-9][0-9]{8}", "\\+447[0-9]{9}"
        ],
        language in languages(),
    ) {
        let countries = match &number[1..3] {
            "33" => [Country::France],
            "32" => [Country::Belgium],
            "31" => [Country::Netherlands],
            _ => [Country::UnitedKingdom],
        };
        let context = Context { countries: &countries, ..Context::on(TODAY) };
        let said = phone(&number, language);
        let read = read_back(&said, language, &context, Kind::Phone);
        prop_assert_eq!(read.iter().map(Value::canonical).collect::<Vec<_>>(), [number], "{}", said);
    }
}
