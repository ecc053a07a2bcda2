//! What names that were asked for and sentences that are said here do to what is heard.

use super::*;

/// Invented names in the fixture calls: the call, words of the sentence that holds the name, and the name as it is written.
const NAMES: [(&str, &str, &str); 5] = [
    ("fr-labo-disponibilite", "Et le Dorsalix", "Dorsalix"),
    ("fr-labo-disponibilite", "Le Dorsalix est disponible", "Dorsalix"),
    ("fr-labo-disponibilite", "savoir si l'Aveliprane", "Aveliprane"),
    ("fr-labo-disponibilite", "en rupture jusqu'au quinze avril", "Aveliprane"),
    ("fr-labo-disponibilite", "Laboratoire Orvanne", "Orvanne"),
];
/// What is asked for: those names among others.
const ASKED: [&str; 6] = ["Velmoxine", "Aveliprane", "Dorzanil", "Orvanne", "Dorsalix", "Kélatrine"];

/// Sentences of the fixture calls: the call, words of the sentence, and by how many dB it is louder than noise.
const IN_NOISE: [(&str, &str, f32); 4] = [
    ("fr-resiliation", "je voudrais résilier mon contrat", 3.0),
    ("fr-facture-mars", "ma facture du mois de mars", 3.0),
    ("fr-demenagement", "je voudrais transférer ma ligne", 3.0),
    ("fr-internet-coupe", "je n'ai plus internet à la maison", 0.0),
];

fn owned(texts: &[&str]) -> Arc<[String]> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn heard(recognizer: &mut dyn Recognizer, request: &Request) -> Recognition {
    recognizer.recognize(request, &CancelFlag::new()).expect("a recognition")
}

/// Whether `name` is a word of the text, in any case.
fn holds(found: &Recognition, name: &str) -> bool {
    crate::text::words_for_scoring(found.text.reveal()).contains(&name.to_lowercase())
}

/// No name is heard unless it is asked for, and then some are.
fn check_names(engine: &dyn Engine) {
    let mut recognizer = engine.recognizer().expect("a state");
    let (mut unasked, mut asked) = (Vec::new(), Vec::new());
    for (call, words, name) in NAMES {
        let call = Call::read(call);
        let clip = call.clip(call.utterance(words));
        let free = request(&clip, LanguageChoice::Known(call.language()));
        let asking = Request { asked: owned(&ASKED), ..free.clone() };
        let [without, with] = [free, asking].map(|request| heard(&mut *recognizer, &request));
        eprintln!("{}: {}\n    asked for: {}", engine.name(), without.text.reveal(), with.text.reveal());
        unasked.extend(holds(&without, name).then_some(words));
        asked.extend(holds(&with, name).then_some(words));
    }
    assert!(unasked.is_empty(), "{} knows names that nobody told it: {unasked:?}", engine.name());
    assert!(!asked.is_empty(), "{} hears none of the names that were asked for", engine.name());
}

#[test]
fn names_that_were_asked_for_are_heard_by_whisper_cpp() {
    let Some(engine) = whisper_cpp("ggml-base.bin") else { return };
    check_names(&*engine);
}

#[test]
fn names_that_were_asked_for_are_heard_by_the_shipped_model() {
    let Some(engine) = shipped() else { return };
    check_names(&*engine);
}

/// The same with white noise, `louder_db` below it, the same every time.
fn in_noise(clip: &[f32], louder_db: f32) -> Vec<f32> {
    let mean_square = clip.iter().map(|sample| sample * sample).sum::<f32>() / clip.len().max(1) as f32;
    // Noise that is spread evenly over [-1, 1] has a mean square of a third.
    let level = (3.0 * mean_square).sqrt() * 10.0_f32.powf(-louder_db / 20.0);
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        level * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
    };
    clip.iter().map(|sample| sample + noise()).collect()
}

/// The first sentences of [`IN_NOISE`]: each as it is written, and the requests without and with all of them as what is said.
fn noisy(count: usize) -> Vec<(String, [Request; 2])> {
    let calls = IN_NOISE.map(|(call, words, louder_db)| (Call::read(call), words, louder_db));
    let texts: Vec<&str> = calls.iter().map(|(call, words, _)| call.utterance(words).text.as_str()).collect();
    let requests = |(call, words, louder_db): &(Call, &str, f32)| {
        let said = call.utterance(words);
        let language = LanguageChoice::Known(call.language());
        // A partial is decoded once: second tries after a poor text would hide which of the two was poor.
        let priority = Priority::LivePartial;
        let free = Request { priority, ..request(&in_noise(&call.clip(said), *louder_db), language) };
        let leaning = Request { sentences: owned(&texts), ..free.clone() };
        (said.text.clone(), [free, leaning])
    };
    calls.iter().take(count).map(requests).collect()
}

#[test]
fn sentences_bring_what_is_heard_in_noise_nearer_to_what_is_said() {
    let Some(engine) = shipped() else { return };
    let mut recognizer = engine.recognizer().expect("a state");
    let (mut wrong_without, mut wrong_with) = (0, 0);
    for (said, requests) in noisy(IN_NOISE.len()) {
        let [without, with] = requests.map(|request| heard(&mut *recognizer, &request));
        let [wrong, still_wrong] = [&without, &with].map(|found| errors(&said, found).edits);
        wrong_without += wrong;
        wrong_with += still_wrong;
        let [before, after] = [&without, &with].map(|found| found.text.reveal());
        eprintln!("{said}\n    without ({wrong} wrong): {before}\n    with ({still_wrong} wrong): {after}");
    }
    assert!(
        wrong_with < wrong_without,
        "{wrong_with} words are wrong with the sentences, {wrong_without} without"
    );
}

#[test]
fn sentences_without_weight_change_nothing() {
    let off = Config { sentences_weight: 0.0, ..Config::default() };
    let (Some(off), Some(usual)) = (shipped_with(&off), shipped()) else { return };
    let [mut off, mut usual] = [off, usual].map(|engine| engine.recognizer().expect("a state"));
    let mut changed = 0;
    for (said, requests) in noisy(2) {
        let [without, with] = [&requests[0], &requests[1]].map(|request| heard(&mut *off, request));
        assert_eq!(with, without, "{said}");
        let [without, with] = requests.map(|request| heard(&mut *usual, &request));
        changed += usize::from(with != without);
    }
    assert!(changed > 0, "with a weight they change something, or the sentences above show nothing");
}
