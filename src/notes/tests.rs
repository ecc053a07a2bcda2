//! Scripted calls in three languages: who says what when, and what the note has to say about it.

use proptest::prelude::*;

use super::*;
use crate::audio::{SamplePos, SampleSpan};
use crate::call::{Channel, IntentScore, Language, Utterance, Word};

/// Builds a transcript of lines such as `A Bonjour madame.`: `C` caller, `A` agent, `M` everybody, `-` a pause of ten
/// seconds. Each word takes a third of a second, lines follow each other after half a second.
fn call(language: Language, script: &str) -> Transcript {
    let mut at_s = 0.0;
    let mut utterances = Vec::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "-" {
            at_s += 10.0;
            continue;
        }
        let (speaker, text) = line.split_once(' ').unwrap();
        let channel = match speaker {
            "C" => Channel::Caller,
            "A" => Channel::Agent,
            "M" => Channel::Mixed,
            other => panic!("unknown speaker {other}"),
        };
        let mut words = Vec::new();
        let start = SamplePos::from_seconds(at_s);
        for word in text.split(' ') {
            let from = SamplePos::from_seconds(at_s);
            at_s += 1.0 / 3.0;
            let span = SampleSpan::new(from, SamplePos::from_seconds(at_s));
            words.push(Word { text: word.into(), span, confidence: 0.9 });
        }
        let span = SampleSpan::new(start, SamplePos::from_seconds(at_s));
        utterances.push(Utterance { channel, span, language, text: text.into(), confidence: 0.9, words });
        at_s += 0.5;
    }
    let mut channels: Vec<Channel> = utterances.iter().map(|utterance| utterance.channel).collect();
    channels.sort();
    channels.dedup();
    let language = (!utterances.is_empty()).then_some(language);
    Transcript { channels, end: SamplePos::from_seconds(at_s), language, utterances }
}

/// The same call recorded on one channel.
fn mixed(mut transcript: Transcript) -> Transcript {
    transcript.channels = vec![Channel::Mixed];
    for utterance in &mut transcript.utterances {
        utterance.channel = Channel::Mixed;
    }
    transcript
}

const FACTURE: &str = "
    A Service client bonjour, Camille à votre écoute, que puis-je faire pour vous ?
    C Oui bonjour madame.
    C Je m'appelle Odile Perron, mon numéro de client c'est le 4 8 2 1.
    C Bonjour, je vous appelle parce que ma facture de mars est deux fois plus élevée que d'habitude.
    A D'accord, je regarde votre dossier. Ne quittez pas.
    -
    A Je vois un prélèvement de 89 euros le 12 mars, au lieu de 45 euros.
    C C'est ça. Je n'ai rien changé à mon abonnement.
    A C'est une erreur de notre côté, l'option internationale a été activée par erreur.
    C Et je serai remboursée quand exactement ?
    A Le remboursement de 44 euros sera effectué sous cinq jours.
    A Donc si je résume, l'option internationale est annulée et nous vous remboursons 44 euros.
    C D'accord.
    A Vous recevrez aussi un courriel de confirmation d'ici demain. C'est bien ça ?
    C Oui c'est ça, merci.
    A Avez-vous d'autres questions ?
    C Non merci, au revoir.
    A Bonne journée, au revoir.
";

const RENDEZ_VOUS: &str = "
    A Bonjour, comment puis-je vous aider ?
    C Allô ?
    C Voilà, ma connexion internet ne fonctionne plus depuis lundi.
    A Avez-vous redémarré la box ?
    C Oui, trois fois, le voyant reste rouge.
    A Je vous propose le passage d'un technicien jeudi matin entre huit heures et dix heures.
    C Est-ce que l'intervention du technicien sera facturée ?
    A Je n'ai pas l'information, je vais me renseigner et je vous rappelle avant la fin de la journée.
    C D'accord, je note.
    A Bonne fin de journée.
";

const REFUND_EN: &str = "
    A Thank you for calling, how can I help?
    C Hi, good morning.
    C My name is Ellen Marsh.
    C I'm calling because I was charged twice for the same order.
    A I'm sorry to hear that. Let me check.
    A I can see two payments of 35 pounds on the 4th of June.
    C Yes, that's the order with the garden chairs.
    A We will refund the second payment within three working days.
    A So to sum up, you were charged twice for the garden chairs, and the second payment of 35 pounds comes back to you.
    C Perfect.
    A I'll also send you an email with the refund reference. Is there anything else?
    C No thanks, bye.
";

const STORING_NL: &str = "
    A Goedemiddag met Sanne, waarmee kan ik u helpen?
    C Goedemiddag.
    C Ik bel omdat mijn verwarming sinds gisteren niet meer werkt.
    A Wat vervelend. Heeft u een foutcode op de ketel?
    C Ja, er staat een storing met code vijf.
    A Dan stuur ik een monteur, die komt morgen tussen acht en tien uur.
    C Moet ik daarvoor iets betalen?
    A Nee, dat valt onder uw contract.
    A Samenvattend, de verwarming heeft een storing met code vijf en de monteur komt morgen tussen acht en tien uur.
    C Ja prima.
    A U ontvangt nog een bevestiging per mail. Fijne dag verder.
";

/// What a note has to hold: a part of the reason, of each open point in order, and the first words of the recap.
struct Expected {
    reason: Option<&'static str>,
    open_points: &'static [&'static str],
    recap: Option<&'static str>,
    key_sentences: &'static [&'static str],
}

fn check(language: Language, script: &str, expected: &Expected) {
    let note = write(&call(language, script), None);
    let quotes = |lines: &[Evidence]| -> Vec<String> {
        lines.iter().map(|line| line.quote.reveal().clone()).collect()
    };
    let reason = note.reason.as_ref().map(|reason| reason.quote.reveal().as_str());
    match expected.reason {
        Some(part) => assert!(reason.is_some_and(|reason| reason.contains(part)), "{part} in {reason:?}"),
        None => assert_eq!(reason, None),
    }
    let open = quotes(&note.open_points);
    assert_eq!(open.len(), expected.open_points.len(), "{open:#?}");
    for (point, part) in open.iter().zip(expected.open_points) {
        assert!(point.contains(part), "{part} in {point}");
    }
    let recap = quotes(&note.recap);
    match expected.recap {
        Some(start) => {
            assert!(recap.first().is_some_and(|first| first.starts_with(start)), "{start} in {recap:?}")
        }
        None => assert_eq!(recap, Vec::<String>::new()),
    }
    let key = quotes(&note.key_sentences);
    assert!(key.len() <= 5, "{key:#?}");
    for part in expected.key_sentences {
        assert!(key.iter().any(|sentence| sentence.contains(part)), "{part} in {key:#?}");
    }
}

#[test]
fn a_billing_call_in_french() {
    check(
        Language::Fr,
        FACTURE,
        &Expected {
            reason: Some("je vous appelle parce que ma facture de mars"),
            open_points: &["Le remboursement de 44 euros", "Vous recevrez aussi un courriel"],
            recap: Some("Donc si je résume, l'option internationale"),
            key_sentences: &["prélèvement de 89 euros", "C'est une erreur de notre côté"],
        },
    );
}

#[test]
fn a_fault_call_in_french_with_a_question_left_open() {
    check(
        Language::Fr,
        RENDEZ_VOUS,
        &Expected {
            reason: Some("ma connexion internet ne fonctionne plus depuis lundi."),
            open_points: &["Est-ce que l'intervention", "je vous rappelle avant la fin"],
            recap: None,
            key_sentences: &["le passage d'un technicien jeudi matin"],
        },
    );
}

#[test]
fn a_refund_call_in_english() {
    check(
        Language::En,
        REFUND_EN,
        &Expected {
            reason: Some("I'm calling because I was charged twice"),
            open_points: &["We will refund the second payment", "I'll also send"],
            recap: Some("So to sum up"),
            key_sentences: &["two payments of 35 pounds"],
        },
    );
}

#[test]
fn a_fault_call_in_dutch() {
    check(
        Language::Nl,
        STORING_NL,
        &Expected {
            reason: Some("Ik bel omdat mijn verwarming"),
            open_points: &["stuur ik een monteur", "U ontvangt nog een bevestiging"],
            recap: Some("Samenvattend, de verwarming"),
            key_sentences: &["een storing met code vijf"],
        },
    );
}

#[test]
fn an_empty_call_has_an_empty_note() {
    assert_eq!(write(&call(Language::Fr, ""), None), Note::default());
    assert_eq!(purpose(&call(Language::Fr, "")), None);
}

#[test]
fn greetings_and_identity_are_no_reason() {
    for script in [
        "C Allô ?\nA Bonjour.\nC Bonjour madame.\nC Oui.",
        "C Bonjour, je m'appelle Odile Perron.\nC Numéro de client 4 8 2 1 7.",
        "C Hello?\nA Hello.\nC Hi, good morning.",
        "C Goedemorgen.\nC Ja hallo, dag mevrouw.",
        "A Bonjour, je vous appelle au sujet de votre contrat.",
    ] {
        let note = write(&call(Language::Fr, script), None);
        assert_eq!(note.reason.map(|reason| reason.quote.into_inner()), None, "{script}");
    }
}

#[test]
fn the_purpose_is_the_sentence_that_says_why() {
    for (script, expected) in [
        ("C Bonjour. J'ai perdu ma carte bancaire.", "J'ai perdu ma carte bancaire."),
        (
            "C Bonjour madame, alors voilà, je voudrais résilier mon contrat.",
            "je voudrais résilier mon contrat.",
        ),
        ("C J'appelle parce que\nC ma livraison n'est pas arrivée.", "ma livraison n'est pas arrivée."),
        ("C Oui allô.\nC Est-ce que le vaccin est disponible ?", "Est-ce que le vaccin est disponible ?"),
        (
            "C C'est pour un changement d'adresse.\nC Je déménage le mois prochain à Lille.",
            "C'est pour un changement d'adresse.",
        ),
        ("C Résilier mon abonnement.", "Résilier mon abonnement."),
        ("C Hi, I'd like to change my delivery address.", "I'd like to change my delivery address."),
        ("C Hello, this is Mrs Cole. My parcel never arrived.", "My parcel never arrived."),
        ("C Ja goedemorgen, ik heb een vraag over mijn rekening.", "ik heb een vraag over mijn rekening."),
        ("C Dag mevrouw. Mijn pakket is niet geleverd.", "Mijn pakket is niet geleverd."),
    ] {
        let found = purpose(&call(Language::Fr, script)).map(|evidence| evidence.quote.into_inner());
        assert_eq!(found.as_deref(), Some(expected), "{script}");
    }
}

#[test]
fn a_reason_is_timed_by_its_words() {
    let transcript = call(Language::Fr, "C Bonjour madame, je voudrais résilier mon contrat. Merci.");
    let reason = purpose(&transcript).unwrap();
    assert!((reason.span.start.seconds() - 2.0 / 3.0).abs() < 0.01, "{}", reason.span.start.seconds());
    assert!((reason.span.end.seconds() - 7.0 / 3.0).abs() < 0.01, "{}", reason.span.end.seconds());
}

#[test]
fn the_judged_sentence_is_the_reason_when_it_was_said() {
    let transcript = call(Language::Fr, FACTURE);
    let judged = transcript.utterances[7].quote(11..49).unwrap();
    let mut decision = IntentDecision {
        evidence: judged.clone(),
        candidates: vec![IntentScore { intent: "abonnement".into(), probability: 0.9 }],
        outcome: IntentOutcome::Routed { intent: "abonnement".into(), route: "ventes".into() },
    };
    let note = write(&transcript, Some(&decision));
    assert_eq!(note.reason, Some(judged));
    assert_eq!(note.intent.as_deref(), Some("abonnement"));

    decision.evidence.quote = "Je n'ai jamais dit cela".into();
    decision.outcome = IntentOutcome::Unsure;
    let note = write(&transcript, Some(&decision));
    assert!(note.reason.unwrap().quote.reveal().contains("ma facture de mars"));
    assert_eq!(note.intent, None);
}

#[test]
fn a_recap_runs_to_the_callers_agreement() {
    let transcript = call(Language::Fr, FACTURE);
    let found = recaps(&transcript);
    assert_eq!(found.len(), 1);
    let pieces: Vec<&str> = found[0].evidence.iter().map(|piece| piece.quote.reveal().as_str()).collect();
    assert_eq!(
        pieces,
        [
            "Donc si je résume, l'option internationale est annulée et nous vous remboursons 44 euros.",
            "Vous recevrez aussi un courriel de confirmation d'ici demain. C'est bien ça ?",
        ]
    );
    assert_eq!(found[0].span.start, found[0].evidence[0].span.start);
    assert_eq!(found[0].span.end, found[0].evidence[1].span.end);
}

#[test]
fn a_recap_is_found_on_one_mixed_channel() {
    for (language, script, start) in [
        (Language::Fr, FACTURE, "Donc si je résume"),
        (Language::En, REFUND_EN, "So to sum up"),
        (Language::Nl, STORING_NL, "Samenvattend"),
    ] {
        let found = recap(&mixed(call(language, script))).unwrap();
        assert!(found.evidence[0].quote.reveal().starts_with(start));
        assert!(found.evidence.len() <= 3, "{}", found.evidence.len());
    }
    assert_eq!(recap(&mixed(call(Language::Fr, RENDEZ_VOUS))), None);
}

#[test]
fn what_follows_the_agreement_is_no_longer_the_recap() {
    let script = "
        A Bonjour, que puis-je faire pour vous ?
        C Je voudrais déplacer la livraison de mon canapé.
        A La livraison du canapé peut avoir lieu mardi.
        C Mardi après-midi, très bien.
        A Je récapitule : la livraison du canapé est déplacée à mardi après-midi.
        C Oui, c'est bien ça.
        A Avec plaisir. Vous recevrez un message la veille.
    ";
    for transcript in [call(Language::Fr, script), mixed(call(Language::Fr, script))] {
        let pieces: Vec<String> =
            recap(&transcript).unwrap().evidence.into_iter().map(|piece| piece.quote.into_inner()).collect();
        assert_eq!(pieces, ["Je récapitule : la livraison du canapé est déplacée à mardi après-midi."]);
    }
}

#[test]
fn a_recap_does_not_repeat_the_open_points() {
    let script = "
        C Mon chauffage est en panne.
        A Un technicien passera jeudi matin pour le chauffage.
        C Jeudi matin, d'accord.
        A Donc pour résumer, votre chauffage est en panne. Un technicien passera chez vous jeudi matin.
        C Parfait.
    ";
    let note = write(&call(Language::Fr, script), None);
    assert_eq!(note.recap.len(), 1);
    assert_eq!(note.open_points.len(), 1);
    assert_eq!(note.open_points[0].span.start, note.open_points[0].span.start.min(note.recap[0].span.start));
}

#[test]
fn numbers_read_out_are_no_key_sentences() {
    let script = "
        C Je voudrais suivre ma commande.
        A Quel est votre numéro de commande ?
        C Alors c'est le zéro, six, douze, quatre, un, neuf, sept.
        A La commande de chaises est partie lundi de notre entrepôt.
    ";
    let note = write(&call(Language::Fr, script), None);
    assert!(!note.key_sentences.is_empty());
    assert!(note.key_sentences.iter().all(|line| !line.quote.reveal().contains("douze")));
}

#[test]
fn a_turn_of_phrase_alone_is_no_recap() {
    for script in [
        // The caller sums up.
        "A Bonjour.\nC Ma box ne marche plus.\nA Je vois.\nC Donc si je résume, je paye pour une box qui ne marche plus.",
        // Asked for, at the start.
        "A Bonjour, pouvez-vous me résumer votre problème de facture et de contrat ?\nC Ma box est en panne.\nA D'accord.",
        // Nothing follows.
        "A Bonjour.\nC Ma box ne marche plus.\nA Je vois bien.\nC Oui.\nA Pour résumer ?\nC Je ne sais pas.",
        // Understanding the reason is not summing up the call.
        "A Bonjour.\nC Ma box est en panne.\nA Si je comprends bien, votre box est en panne.\nC Oui.\nC Depuis lundi.\nA Redémarrez la box.\nC Voilà.\nA Merci.\nC Au revoir.",
    ] {
        assert_eq!(recap(&call(Language::Fr, script)).map(|recap| recap.evidence.len()), None, "{script}");
    }
}

#[test]
fn reminders_and_waiting_are_no_promises() {
    for script in [
        "A Je vous rappelle que cet appel est enregistré.",
        "A Je vais vérifier, ne quittez pas.",
        "A Est-ce que vous recevrez du courrier à cette adresse ?",
        "A Let me check, I'll check the order, hold on.",
        "A Een moment, ik zoek het uit.",
    ] {
        let note = write(&call(Language::Fr, script), None);
        assert_eq!(note.open_points.len(), 0, "{script}");
    }
}

#[test]
fn promises_are_heard_in_every_language() {
    for script in [
        "A Je vous rappelle demain matin.",
        "A On vous envoie le contrat par courrier.",
        "A Je vais vérifier auprès du service technique.",
        "A Vous serez remboursé sous dix jours.",
        "C Je vous enverrai le justificatif.",
        "A I'll call you back tomorrow.",
        "A We'll send a replacement.",
        "A You will receive a letter.",
        "A Ik bel u terug.",
        "A U ontvangt een brief.",
        "A Morgen komt er een monteur, ik regel het.",
    ] {
        let note = write(&call(Language::Fr, script), None);
        assert_eq!(note.open_points.len(), 1, "{script}");
    }
}

#[test]
fn key_sentences_repeat_neither_each_other_nor_the_note() {
    let script = "
        C Je voudrais annuler ma commande de chaises de jardin.
        A Votre commande de chaises de jardin sera livrée mardi 14 juin.
        C La commande de chaises de jardin doit être annulée.
        A La commande de chaises de jardin sera annulée.
        C Le montant de la commande est de 120 euros.
    ";
    let note = write(&call(Language::Fr, script), None);
    let lines: Vec<&Evidence> =
        note.reason.iter().chain(&note.key_sentences).chain(&note.open_points).collect();
    for (at, line) in lines.iter().enumerate() {
        assert!(!lines[at + 1..].iter().any(|other| other.quote == line.quote), "{at}");
    }
    let saying_cancel =
        note.key_sentences.iter().filter(|line| line.quote.reveal().contains("annulée")).count();
    assert!(saying_cancel <= 1);
}

proptest! {
    #[test]
    fn every_line_is_a_part_of_an_utterance_and_lies_in_its_time(
        lines in prop::collection::vec(
            (
                prop::sample::select(vec!["C", "A", "M"]),
                prop::collection::vec(
                    prop::sample::select(vec![
                        "Bonjour", "donc", "si", "je", "résume,", "facture", "vous", "recevrez", "demain.", "problème",
                        "J'ai", "un", "remboursement", "œuvre?", "Est-ce", "que", "ne", "quittez", "pas.", "d'ici",
                        "12,50", "I'll", "send", "the", "invoice!", "samenvattend", "monteur", "…", "É", "quand ?",
                    ]),
                    1..12,
                ),
            ),
            0..14,
        ),
        has_words in any::<bool>(),
    ) {
        let script: String =
            lines.iter().map(|(speaker, words)| format!("{speaker} {}\n", words.join(" "))).collect();
        let mut transcript = call(Language::Fr, &script);
        if !has_words {
            transcript.utterances.iter_mut().for_each(|utterance| utterance.words.clear());
        }
        let note = write(&transcript, None);
        let lines = note.reason.iter().chain(&note.key_sentences).chain(&note.open_points).chain(&note.recap);
        for line in lines {
            prop_assert!(is_said(&transcript, line));
        }
        for list in [&note.key_sentences, &note.open_points, &note.recap] {
            prop_assert!(list.is_sorted_by_key(|line| line.span.start));
        }
    }
}
