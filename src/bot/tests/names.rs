//! What the recogniser put right, from the events of a call to the record of the decision.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::assistant::{Assistant, Conversation};
use crate::bot::ear::{Ear, Said};
use crate::call::decision::CorrectionRecord;
use crate::call::{CallId, Word};
use crate::pipeline::understanding::Understanding;
use crate::store::{DecisionQuery, Store};

fn told(text: &str, confidence: f32, corrections: Vec<CorrectionRecord>) -> EventBody {
    let span = SampleSpan::default();
    let words = text.split_whitespace().map(|word| Word { text: word.into(), span, confidence });
    let words = words.collect();
    let (channel, language) = (CALLER, Language::Fr);
    EventBody::TranscriptFinal {
        channel,
        turn: 1,
        utterance: Utterance { channel, span, language, text: text.into(), confidence, words },
        alternatives: Vec::new(),
        corrections,
        foreign_share: None,
        joins: None,
        latency: Duration::ZERO,
        delay: FinalDelay::default(),
    }
}

#[tokio::test]
async fn a_name_that_the_recogniser_put_right_is_in_the_stored_record_with_its_key() {
    let correction = CorrectionRecord {
        said: "dorsa nil".into(),
        span: 11..19,
        id: "Dorzanil".into(),
        name: "Dorzanil".into(),
        score: 0.75,
        runner_up: None,
    };
    let mut ear = Ear::new(CALLER);
    ear.hear(&told("Bonjour,", 1.0, Vec::new()));
    ear.hear(&told("avez-vous, Dorzanil en stock ?", 0.5, vec![correction.clone()]));
    let (channel, end_of_speech, reason) = (CALLER, SamplePos::ZERO, TurnEndReason::Finished);
    let (continues, is_back_channel) = (None, false);
    let ended = EventBody::TurnEnded { channel, turn: 1, end_of_speech, reason, continues, is_back_channel };
    let Said::Sentence(sentence) = ear.hear(&ended) else { panic!("nothing was said") };

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pharma-fr");
    let understanding = Understanding::open(&folder).expect("the scenario has no mistakes");
    let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
    let assistant = Arc::new(assistant.expect("its catalogues are there"));
    let catalogs = assistant.catalogs();
    let entry = catalogs["produit"].entries().iter().find(|entry| entry.name == "Dorzanil").unwrap();
    let call = CallId(uuid::Uuid::from_u128(1));
    let mut conversation = Conversation::new(Arc::clone(&assistant), call, Some(Language::Fr));
    conversation.on(Asked::Begin).await;
    let said = Asked::Said { heard: sentence.heard.clone(), language: sentence.language, is_foreign: false };
    let step = conversation.on(said).await;
    assert_eq!(step.record.look_ups, [], "what was put right is read back before it is looked up");

    let store = Store::in_memory().await.unwrap();
    store.put_decision(&step.record).await.unwrap();
    let kept = store.decisions(&DecisionQuery { limit: 1, ..DecisionQuery::default() }).await.unwrap();
    let text = kept[0].sentence.as_ref().expect("it was a sentence").reveal();
    assert_eq!(text, "Bonjour, avez-vous, Dorzanil en stock ?");
    let [found] = kept[0].corrections.as_slice() else { panic!("{:?}", kept[0].corrections) };
    assert_eq!(&text[found.span.clone()], "Dorzanil");
    let id = entry.id.as_str().into();
    assert_eq!(*found, CorrectionRecord { span: 20..28, id, ..correction });
}
