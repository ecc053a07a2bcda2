use super::*;
use crate::asr::fake::{FakeEngine, Reply};
use crate::asr::worker::PoolConfig;
use crate::vad::{CutReason, EnergyDetector};

/// Five seconds.
const SPEECH_SAMPLES: usize = 80_000;

fn transcriber(engine: FakeEngine) -> Transcriber {
    let workers = PoolConfig { workers: 1, queue_capacity: 4 };
    Transcriber {
        pool: Arc::new(Pool::start(Arc::new(engine), workers).unwrap()),
        detector: Box::new(|| Ok(Box::new(EnergyDetector::new()) as Box<dyn SpeechDetector>)),
        segments: vad::Config::default(),
        guard: Guard::new(&crate::guard::config::Config::default()),
        two_channels: [Channel::Caller, Channel::Agent],
        segments_under_way: 2,
        pack_up_to_samples: 0,
    }
}

fn instructions() -> Instructions {
    Instructions {
        open: OpenOptions::default(),
        language: LanguageChoice::Among(vec![Language::Fr, Language::En]),
        task: Task::Transcribe,
        vocabulary: Arc::new([]),
        sentences: Arc::new([]),
        channels: None,
        telephone: false,
    }
}

fn segment(index: usize, samples: usize, mean_probability: f32) -> Segment {
    let start = SamplePos((index * SPEECH_SAMPLES) as u64);
    Segment {
        span: SampleSpan::new(start, start.plus(samples as u64)),
        speech: SampleSpan::new(start, start.plus(samples as u64)),
        samples: vec![0.1; samples].into(),
        mean_probability,
        speech_seconds: samples as f32 / 16_000.0,
        level_dbfs: -20.0,
        cut: CutReason::Pause,
    }
}

/// Hears the segments one after the other as [`Hearing::take_segments`] does while the language is open, and gives
/// the most that ever waited for the decision.
fn hear(hearing: &mut Hearing<'_>, segments: impl IntoIterator<Item = Segment>) -> usize {
    let mut most = 0;
    for segment in segments {
        let pack = Pack::of(segment);
        let ticket = hearing.submit(pack.samples(), hearing.vote.choice()).unwrap();
        hearing.settle(UnderWay { channel: Channel::Mixed, pack, ticket }).unwrap();
        most = most.max(hearing.undecided.len());
    }
    most
}

#[test]
fn what_is_made_of_hold_music_does_not_vote_and_does_not_pile_up() {
    let transcriber = transcriber(FakeEngine::hearing("je vous remercie de votre patience"));
    let instructions = instructions();
    let mut hearing =
        Hearing::new(&transcriber, &instructions, &[], (SampleRate::TELEPHONE, &transcriber.segments))
            .unwrap();
    let most = hear(&mut hearing, (0..100).map(|index| segment(index, SPEECH_SAMPLES, 0.01)));
    assert_eq!(most, UNBELIEVED_WAITING_MAX);
    assert_eq!(hearing.vote.settled(), None);
    hearing.hear_out().unwrap();
    let heard = hearing.finish();
    let Transcription { transcript, rejected, .. } = &heard;
    assert!(transcript.utterances.is_empty() && transcript.language.is_none());
    assert_eq!(rejected.len(), 100);
    assert!(rejected.iter().all(|rejected| rejected.extent == Extent::Whole));
}

#[test]
fn short_answers_are_kept_back_only_until_the_vote_is_settled_by_force() {
    let transcriber = transcriber(FakeEngine::hearing("oui"));
    let instructions = instructions();
    let mut hearing =
        Hearing::new(&transcriber, &instructions, &[], (SampleRate::TELEPHONE, &transcriber.segments))
            .unwrap();
    let most = hear(&mut hearing, (0..20).map(|index| segment(index, 4_000, 0.9)));
    assert!(most < crate::asr::vote::SEGMENTS_COUNTED_MAX, "{most}");
    assert_eq!(hearing.vote.settled(), Some(Language::Fr));
    hearing.hear_out().unwrap();
    let Transcription { transcript, .. } = hearing.finish();
    assert_eq!((transcript.utterances.len(), transcript.language), (20, Some(Language::Fr)));
}

#[test]
fn a_looped_tail_is_cut_off_and_shown() {
    let text = format!("bonjour je vous appelle au sujet de ma facture de mars {}", "merci ".repeat(8));
    let engine = FakeEngine::new(move |_| Reply::Text(text.clone()));
    let transcriber = transcriber(engine);
    let instructions = instructions();
    let mut hearing =
        Hearing::new(&transcriber, &instructions, &[], (SampleRate::TELEPHONE, &transcriber.segments))
            .unwrap();
    hear(&mut hearing, [segment(1, SPEECH_SAMPLES, 0.9)]);
    hearing.hear_out().unwrap();
    let heard = hearing.finish();
    let Transcription { transcript, rejected, .. } = &heard;
    let [said] = transcript.utterances.as_slice() else { panic!("one utterance") };
    let [cut] = rejected.as_slice() else { panic!("one tail: {rejected:?}") };
    assert!(said.text.reveal().ends_with("mars merci"), "{}", said.text.reveal());
    assert_eq!(cut.rejection.text.reveal(), "merci merci merci merci merci merci merci");
    assert_eq!((cut.extent, cut.rejection.reason), (Extent::Tail, Reason::Loop));
    assert_eq!(cut.span, SampleSpan::new(said.span.end, SamplePos(2 * SPEECH_SAMPLES as u64)));
    assert_eq!(heard.rejected_segments(), 0, "the segment itself was believed");
}
