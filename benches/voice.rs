//! How long a caller waits for the first sound of an answer, for each language and each engine that is there.
//!
//!     cargo bench --bench voice                # ends with an error where a first sound takes too long
//!     cargo bench --bench voice -- --report    # the same figures, without the error
//!
//! Answers of one to three sentences, different ones in each language, spoken at 8 kHz by one engine alone; from the text
//! to the first piece that is not silence. Rows:
//!
//! - `never spoken`: the engine is open, as it is in a service, and nothing of the answer was kept. Budget: 150 ms at the
//!   95th percentile, or the bench fails.
//! - `in memory`, `on disk`: the answer was spoken before; the second after a start, which opens no engine. Goal: 5 ms.
//! - `whole answer`: all of it instead of the first sound, never spoken.
//!
//! Measured where they are there: Pico (models `pico-fr-FR`, `pico-en-GB`), the program `espeak-ng`, Piper (model
//! `piper-en-US-joe`). What is not there is named. Let nothing else run meanwhile.

use std::time::{Duration, Instant};

use allo::call::Language;
use allo::home::Home;
use allo::redact::Redacted;
use allo::voice::Voice;
use allo::voice::config::{Config, EngineName, Engines};

/// What a caller does not notice in an answer.
const BUDGET: Duration = Duration::from_millis(150);
/// How often all answers are spoken.
const ROUNDS: usize = 3;

const SUBJECTS: [(Language, &str); 6] = [
    (Language::Fr, "pico:fr-FR"),
    (Language::En, "pico:en-GB"),
    (Language::Nl, "espeak:nl"),
    (Language::Fr, "espeak:fr"),
    (Language::En, "espeak:en-gb"),
    (Language::En, "piper:piper-en-US-joe"),
];

const FRENCH: [&str; 14] = [
    "Un instant, je regarde.",
    "Votre facture du mois de mars s'élève à quarante-deux euros et quinze centimes.",
    "Oui, la Velmoxine est disponible. Il en reste trente boîtes dans trois pharmacies près de chez vous.",
    "Votre commande est partie hier soir de notre entrepôt de Lyon et devrait arriver demain avant midi.",
    "Je n'ai pas trouvé ce numéro. Pouvez-vous me le redire, chiffre par chiffre ?",
    "Un technicien passera chez vous mardi prochain entre quatorze et seize heures. Vous recevrez un message la veille. \
     Puis-je faire autre chose pour vous ?",
    "Si j'ai bien compris, vous souhaitez changer de forfait. Est-ce bien cela ?",
    "Nous avons bien reçu votre demande de résiliation, et nous vous enverrons une confirmation par courrier dans les \
     prochains jours.",
    "Le changement que vous avez demandé prendra effet au premier jour du mois prochain sans interruption de votre ligne \
     ni de votre connexion à internet.",
    "Très bien.",
    "Votre ligne a été rétablie ce matin. Si la panne revient, rappelez-nous.",
    "Je vous passe le service de la facturation, qui a déjà votre dossier sous les yeux.",
    "Ce produit est en rupture de stock, mais il est attendu pour le douze avril. Voulez-vous que je vous prévienne ?",
    "Nos bureaux sont fermés. Ils ouvrent demain à huit heures et demie, et restent ouverts jusqu'à dix-neuf heures.",
];

const ENGLISH: [&str; 14] = [
    "One moment, I am looking that up.",
    "Your bill for March comes to forty-two pounds and fifteen pence.",
    "Yes, it is in stock. Three shops near you have thirty boxes between them.",
    "Your parcel left our warehouse in Leeds last night and should be with you before noon tomorrow.",
    "I could not find that number. Could you say it again, one digit at a time?",
    "An engineer will come to you next Tuesday between two and four. You will get a message the day before. Is there \
     anything else that I can do for you?",
    "If I understood you well, you would like to change your plan. Is that right?",
    "We have received your request to cancel, and you will have our confirmation by post within a few days.",
    "The change that you asked for takes effect on the first day of next month without any break in your telephone or \
     your internet service.",
    "Very well.",
    "Your line has been working again since this morning. If it fails once more, please call us back.",
    "I am putting you through to the billing team, who have your file in front of them.",
    "This item is sold out, but more of it is expected on the twelfth of April. Shall I let you know when it is here?",
    "Our offices are closed. They open tomorrow at half past eight, and stay open until seven in the evening.",
];

const DUTCH: [&str; 14] = [
    "Een ogenblik, ik zoek het op.",
    "Uw factuur van maart bedraagt tweeënveertig euro en vijftien cent.",
    "Ja, dat product is op voorraad. Drie apotheken bij u in de buurt hebben er samen dertig doosjes van.",
    "Uw bestelling is gisteravond uit ons magazijn in Gent vertrokken en komt morgen voor de middag aan.",
    "Ik heb dat nummer niet gevonden. Kunt u het herhalen, cijfer voor cijfer?",
    "Een technicus komt volgende dinsdag tussen twee en vier uur bij u langs. U krijgt de dag ervoor een bericht. Kan ik \
     nog iets anders voor u doen?",
    "Als ik u goed begrijp, wilt u een ander abonnement. Klopt dat?",
    "Wij hebben uw opzegging goed ontvangen, en u krijgt binnen enkele dagen een bevestiging per post.",
    "De wijziging die u gevraagd hebt gaat in op de eerste dag van volgende maand zonder onderbreking van uw telefoon of \
     uw internet.",
    "Goed.",
    "Uw lijn werkt weer sinds vanmorgen. Als de storing terugkomt, belt u ons dan opnieuw.",
    "Ik verbind u door met de dienst facturatie, die uw dossier al voor zich heeft.",
    "Dit artikel is uitverkocht, maar het wordt op twaalf april verwacht. Zal ik u dan een bericht sturen?",
    "Onze kantoren zijn gesloten. Ze gaan morgen om half negen open, en blijven open tot zeven uur 's avonds.",
];

const fn answers(language: Language) -> &'static [&'static str] {
    match language {
        Language::Fr => &FRENCH,
        Language::En => &ENGLISH,
        Language::Nl => &DUTCH,
    }
}

/// What was measured of one engine.
#[derive(Default)]
struct Waits {
    never: Vec<Duration>,
    in_memory: Vec<Duration>,
    on_disk: Vec<Duration>,
    whole: Vec<Duration>,
}

impl Waits {
    /// Speaks every answer in every way.
    fn measure(config: &Config, home: &Home, language: Language) -> anyhow::Result<Self> {
        let mut waits = Self::default();
        let forgetful = Voice::new(&Config { memory_mib: 0, disk_mib: 0, ..config.clone() }, home)?;
        forgetful.warm_up(language)?;
        // The first sentence of an engine reads what no later one reads.
        first_sound(&forgetful, answers(language)[0], language)?;
        let keeping = Voice::new(config, home)?;
        for text in answers(language) {
            keeping.speak(&Redacted::from(*text), language)?.whole()?;
        }
        for text in (0..ROUNDS).flat_map(|_| answers(language)) {
            waits.never.push(first_sound(&forgetful, text, language)?);
            waits.in_memory.push(first_sound(&keeping, text, language)?);
            waits.on_disk.push(first_sound(&Voice::new(config, home)?, text, language)?);
        }
        for text in answers(language) {
            let start = now();
            forgetful.speak(&Redacted::from(*text), language)?.whole()?;
            waits.whole.push(start.elapsed());
        }
        Ok(waits)
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
fn now() -> Instant {
    Instant::now()
}

fn first_sound(voice: &Voice, text: &str, language: Language) -> anyhow::Result<Duration> {
    let text = Redacted::from(text);
    let start = now();
    for piece in voice.speak(&text, language)? {
        if piece?.samples.iter().any(|sample| *sample != 0.0) {
            return Ok(start.elapsed());
        }
    }
    anyhow::bail!("nothing was said")
}

/// Prints a row and gives its 95th percentile.
#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn report(what: &str, mut waits: Vec<Duration>) -> Duration {
    waits.sort();
    let at = |percent: usize| waits[(waits.len() * percent).div_ceil(100).max(1) - 1];
    let ms = |percent: usize| at(percent).as_secs_f64() * 1000.0;
    println!("{what}: p50 {:.2} ms, p95 {:.2} ms, longest {:.2} ms", ms(50), ms(95), ms(100));
    at(95)
}

/// Measures one engine and prints its rows; gives the 95th percentile of the first sound of what was never spoken, nothing
/// where the engine is not there.
#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn subject((language, engine): (Language, &str), home: &Home) -> anyhow::Result<Option<Duration>> {
    let name: EngineName = engine.parse()?;
    let only = || vec![name.clone()];
    let engines = Engines { fr: only(), en: only(), nl: only() };
    let config = Config { engines, ..Config::default() };
    let title = format!("{} {engine}", language.code());
    if let Err(error) = Voice::new(&config, home)?.warm_up(language) {
        println!("{title}: not there, {error}");
        return Ok(None);
    }
    let Waits { never, in_memory, on_disk, whole } = Waits::measure(&config, home, language)?;
    let p95 = report(&format!("{title}, first sound, never spoken"), never);
    report(&format!("{title}, first sound, in memory"), in_memory);
    report(&format!("{title}, first sound, on disk"), on_disk);
    report(&format!("{title}, whole answer, never spoken"), whole);
    Ok(Some(p95))
}

fn main() -> anyhow::Result<()> {
    let mut only_reports = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--report" => only_reports = true,
            // cargo's own.
            "--bench" => {}
            other => anyhow::bail!("unknown argument {other}, expected --report"),
        }
    }
    let models = Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf();
    let (mut slow, mut measured) = (Vec::new(), 0);
    for (language, engine) in SUBJECTS {
        // A home an engine: what was kept of another run must not be there.
        let folder = tempfile::tempdir()?;
        let home = Home::resolve(|name| match name {
            "ALLO_HOME" => Some(folder.path().into()),
            "ALLO_MODELS" => Some(models.clone().into()),
            _ => None,
        })?;
        let Some(p95) = subject((language, engine), &home)? else { continue };
        measured += 1;
        if p95 > BUDGET {
            slow.push(format!("{} {engine}", language.code()));
        }
    }
    anyhow::ensure!(measured > 0, "no engine is there\nhint: allo models pull; apt-get install espeak-ng");
    let budget_ms = BUDGET.as_millis();
    anyhow::ensure!(
        slow.is_empty() || only_reports,
        "the first sound takes more than {budget_ms} ms at p95: {}",
        slow.join(", ")
    );
    Ok(())
}
