use proptest::prelude::*;

use super::*;

/// The plan as a line: words in quotes, silences in milliseconds.
fn shown(text: &str) -> String {
    shown_steps(&plan(text, Language::Fr, &Prompts::default()).unwrap())
}

fn shown_steps(steps: &[Step]) -> String {
    let shown = steps.iter().map(|step| match step {
        Step::Made { words, prosody } if *prosody == Prosody::PLAIN => format!("“{words}”"),
        Step::Made { words, prosody } => {
            format!("“{words}”@{}%{:+}dB", prosody.speed_percent, prosody.gain_db)
        }
        Step::Recorded { number, .. } => format!("#{number}"),
        Step::Silence { ms } => ms.to_string(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn sentences_are_pieces_with_silence_between_them() {
    assert_eq!(shown("Bonjour ! Que puis-je faire ?"), "“Bonjour !” 350 “Que puis-je faire ?”");
    assert_eq!(shown("Merci"), "“Merci”");
    assert_eq!(shown("… « Oui »"), "“Oui »”");
    assert_eq!(shown(" …! "), "");
}

#[test]
fn markup_says_how_and_how_long() {
    assert_eq!(
        shown(
            "<speak>Un <break time='500ms'/>deux. <prosody rate='90%' volume='soft'>Trois</prosody></speak>"
        ),
        "“Un” 500 “deux.” 350 “Trois”@90%-6dB"
    );
    assert_eq!(
        shown("<speak>Le code <say-as interpret-as='digits'>12</say-as>, merci.</speak>"),
        "“Le code un deux, merci.”"
    );
    assert_eq!(shown("<speak><break time='200ms'/>Un<break time='1s'/></speak>"), "200 “Un” 1000");
    assert_eq!(shown("<speak><break time='200ms'/></speak>"), "");
    assert_eq!(
        shown("<speak><prosody rate='80%'>12</prosody> € - merci - </speak>"),
        "“12”@80%+0dB 20 “€ - merci -”"
    );
    assert_eq!(shown("<speak><prosody rate='80%'>12</prosody> €</speak>"), "“12”@80%+0dB 20 “euros”");
    let refused = plan(
        "<speak>Le <say-as interpret-as='date'>demain</say-as></speak>",
        Language::Fr,
        &Prompts::default(),
    );
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("line 1, column 39: what is inside <say-as> is not a date"), "{refused}");
}

#[test]
fn long_sentences_are_cut_where_a_speaker_takes_breath() {
    let text = "Votre facture du mois de mars s'élève à quarante-deux euros, elle sera prélevée le douze avril \
                prochain sur le compte que vous avez indiqué lors de la souscription.";
    let plan = shown(text);
    assert!(
        plan.starts_with("“Votre facture du mois de mars s'élève à quarante-deux euros,” 160 “elle"),
        "{plan}"
    );
    let endless = vec!["mot"; 100].join(" ");
    assert_eq!(shown(&endless).matches('“').count(), 3);
}

#[test]
fn the_first_words_are_cut_at_their_comma_for_a_slow_engine_and_no_others() {
    let hastened =
        |text: &str| shown_steps(&hastened(plan(text, Language::Fr, &Prompts::default()).unwrap()));
    assert_eq!(
        hastened("Bonjour, votre commande est partie, merci. Elle arrive demain, le matin."),
        "“Bonjour,” 160 “votre commande est partie, merci.” 350 “Elle arrive demain, le matin.”"
    );
    assert_eq!(hastened("Cela fait 12,50 euros."), "“Cela fait 12,50 euros.”");
    assert_eq!(hastened("Oui, merci."), "“Oui, merci.”", "one word alone is an afterthought");
    assert_eq!(hastened("Oui : - —"), "“Oui : - —”");
    let slow = "<speak><prosody rate='80%'>Bonjour, votre commande est partie.</prosody></speak>";
    assert_eq!(hastened(slow), "“Bonjour,”@80%+0dB 160 “votre commande est partie.”@80%+0dB");
    assert_eq!(hastened("<speak><break time='200ms'/>Un, deux, trois</speak>"), "200 “Un, deux, trois”");
    assert!(hastened(" … ").is_empty());
}

#[test]
fn recordings_stand_where_their_words_stood() {
    let folder = tempfile::tempdir().unwrap();
    let recording = crate::voice::wave::file(&[0.3; 800], crate::audio::SampleRate::TELEPHONE);
    std::fs::write(folder.path().join("a.wav"), recording).unwrap();
    std::fs::write(folder.path().join("prompts.csv"), "text,lang,file\nfacture de mars,fr,a.wav\n").unwrap();
    let prompts = Prompts::load(folder.path()).unwrap();
    let steps = plan("Votre facture de mars, c'est 12 €.", Language::Fr, &prompts).unwrap();
    let made = |words: &str| Step::Made { words: words.to_owned(), prosody: Prosody::PLAIN };
    assert!(
        steps
            == [
                made("Votre,"),
                Step::Silence { ms: JOINT_GAP_MS },
                Step::Recorded { number: 0, gain_db: 0.0 },
                Step::Silence { ms: CLAUSE_GAP_MS },
                made("c'est 12 €."),
            ]
    );
}

proptest! {
    #[test]
    fn no_word_is_lost_or_moved_by_cutting(
        words in prop::collection::vec("[a-zé]{1,8}[,.;!?]{0,1}|et|que", 1..120),
    ) {
        let text = words.join(" ");
        let steps = plan(&text, Language::Fr, &Prompts::default()).unwrap();
        let mut found = Vec::new();
        for step in &steps {
            if let Step::Made { words, .. } = step {
                prop_assert!(words.split_whitespace().count() <= CLAUSE_WORDS_MAX + 3);
                found.extend(words.split_whitespace().map(|word| word.trim_matches(|sign| !is_said(sign)).to_owned()));
            }
        }
        let expected: Vec<String> =
            text.split_whitespace().map(|word| word.trim_matches(|sign| !is_said(sign)).to_owned()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_text_has_a_plan_that_neither_starts_nor_doubles_silence(text in "\\PC{0,80}") {
        let steps = plan(&text, Language::Fr, &Prompts::default());
        if let Ok(steps) = steps && !markup::is_markup(&text) {
            let is_silence = |step: &Step| matches!(step, Step::Silence { .. });
            prop_assert!(!steps.first().is_some_and(is_silence));
            prop_assert!(!steps.windows(2).any(|pair| is_silence(&pair[0]) && is_silence(&pair[1])));
        }
    }
}
