//! How long a caller waits for the first sound of an answer; `cargo bench --bench voice`.
//!
//! Fifty French answers of 3 to 60 words, half of them one long sentence, spoken by Pico at 8 kHz; from the text to the
//! first piece that is not silence. Budget: 150 ms for an answer that was never spoken, 5 ms for one that was, in memory
//! or, after a start, on disk. Needs the model `pico-fr-FR`.

use std::time::{Duration, Instant};

use allo::call::Language;
use allo::home::Home;
use allo::redact::Redacted;
use allo::voice::Voice;
use allo::voice::config::Config;

const ANSWERS: usize = 50;
const SHORTEST_WORDS: usize = 3;
const LONGEST_WORDS: usize = 60;

/// What a contact centre says; cut to length below.
const TEXT: &str = "Votre facture du mois de mars s'élève à quarante-deux euros et quinze centimes. Elle sera prélevée le \
    douze avril sur le compte que vous nous avez indiqué. Votre commande est partie hier soir de notre entrepôt de Lyon \
    et devrait arriver demain avant midi. Un technicien passera chez vous mardi prochain entre quatorze et seize heures. \
    Le changement de forfait que vous avez demandé prendra effet au premier jour du mois prochain sans interruption. \
    Nous avons bien reçu votre demande de résiliation et nous vous enverrons une confirmation par courrier. Le produit \
    que vous cherchez est disponible en boîte de trente comprimés dans trois pharmacies près de chez vous. Votre code \
    de suivi vous sera envoyé par message dans les prochaines minutes. Pour toute autre question, restez en ligne, un \
    conseiller va vous répondre. Votre ligne a été rétablie ce matin et la qualité du signal est revenue à la normale.";

/// Answer `index`: its own part of the text, as many words as its turn asks for.
fn answer(index: usize) -> String {
    let words: Vec<&str> = TEXT.split_whitespace().collect();
    let count = SHORTEST_WORDS + index * (LONGEST_WORDS - SHORTEST_WORDS) / (ANSWERS - 1);
    let from = index * 7 % words.len();
    let text = words.iter().cycle().skip(from).take(count).copied().collect::<Vec<_>>().join(" ");
    if index.is_multiple_of(2) { text } else { text.replace(['.', ','], "").to_lowercase() }
}

fn first_sound(voice: &Voice, text: &str) -> anyhow::Result<Duration> {
    let text = Redacted::from(text);
    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
    let start = Instant::now();
    for piece in voice.speak(&text, Language::Fr)? {
        if piece?.samples.iter().any(|sample| *sample != 0.0) {
            return Ok(start.elapsed());
        }
    }
    anyhow::bail!("nothing was said")
}

#[expect(clippy::print_stdout, reason = "the bench's own output")]
fn report(what: &str, mut waits: Vec<Duration>) {
    waits.sort();
    let ms = |wait: Duration| wait.as_secs_f64() * 1000.0;
    let at = |percent: usize| ms(waits[(waits.len() * percent).div_ceil(100).max(1) - 1]);
    println!("{what}: p50 {:.2} ms, p95 {:.2} ms, longest {:.2} ms", at(50), at(95), at(100));
}

fn main() -> anyhow::Result<()> {
    let models = Home::resolve(|name| std::env::var_os(name))?.models().to_path_buf();
    let (mut new, mut in_memory, mut on_disk, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for index in 0..ANSWERS {
        // A home a time: answers share sentences, and none may be there already.
        let folder = tempfile::tempdir()?;
        let home = Home::resolve(|name| match name {
            "ALLO_HOME" => Some(folder.path().into()),
            "ALLO_MODELS" => Some(models.clone().into()),
            _ => None,
        })?;
        let text = answer(index);
        let voice = Voice::new(&Config::default(), &home)?;
        voice.warm_up(Language::Fr)?;
        new.push(first_sound(&voice, &text)?);
        in_memory.push(first_sound(&voice, &text)?);
        on_disk.push(first_sound(&Voice::new(&Config::default(), &home)?, &text)?);
        let uncached = Config { memory_mib: 0, disk_mib: 0, ..Config::default() };
        let voice = Voice::new(&uncached, &home)?;
        voice.warm_up(Language::Fr)?;
        #[expect(clippy::disallowed_methods, reason = "a bench reads the clock of the machine")]
        let start = Instant::now();
        voice.speak(&Redacted::from(text), Language::Fr)?.whole()?;
        whole.push(start.elapsed());
    }
    report("first sound, never spoken", new);
    report("first sound, in memory", in_memory);
    report("first sound, on disk", on_disk);
    report("whole answer, never spoken", whole);
    Ok(())
}
