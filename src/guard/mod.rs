//! Keeps text out that nobody said: what the recogniser makes of silence, noise, music and tones.
//!
//! Between recognition and the call record. [`Guard::judge`] looks at one recognition with the evidence of the voice
//! detector and accepts it, cuts a looped tail off, or rejects it with a reason. A rejection keeps the text, so that a
//! debugging run can show it, and is counted.
//!
//! Invariants: pure apart from its counters; the same candidate gives the same verdict; a text that is accepted is
//! never changed except by cutting words at its end. It does not hear the audio (see `vad`) and corrects nothing.

pub mod config;
pub mod phrases;

use std::sync::atomic::{AtomicU64, Ordering};

use self::config::Config;
use self::phrases::{is_annotation, is_courtesy, is_credit, is_doubtful, normalized};
use crate::asr::Recognition;
use crate::asr::repetition::{Loop, is_decoder_loop, trailing_loop};
use crate::call::Language;
use crate::redact::Redacted;

/// Longest phrase, in words, whose repetition is looked for.
const LONGEST_LOOP_PERIOD: usize = 16;
/// From this many words on the share of different words is looked at;
const FEWEST_WORDS_FOR_VARIETY: usize = 16;
/// below this share it is a loop that the tail does not show. Read-out digits and names stay above a third.
const LEAST_VARIETY: f32 = 0.2;
/// The same of pairs of words. The lowest of what people say in the evaluation sets is 0.7 (a menu read out); a number that is
/// said twice has about 0.5. Below this the text turns in circles, even where no two rounds are alike.
const LEAST_VARIETY_OF_PAIRS: f32 = 0.4;
/// Words beyond the speed limit that a very short segment may hold: times at its edges are not exact.
const SPARE_WORDS: f32 = 2.0;
/// The same beyond the speed limit in the time in which the detector heard somebody: it misses more of a mumbled word than the
/// times of a segment do.
const SPARE_WORDS_HEARD: f32 = 4.0;
/// Words of an echo for each one that is no name: the echo that was seen on music had one in four. Three names are then the least, so that
/// a short sentence about a product is none.
const ECHO_WORDS_FOR_ANOTHER: usize = 4;
/// Times that a syllable must break off to be no slip of the tongue; chosen, people and transcripts stumble once or twice.
const FEWEST_SYLLABLES: usize = 3;

/// One recognition with the evidence for it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What the engine heard.
    pub recognition: &'a Recognition,
    /// Length of the segment in seconds.
    pub segment_seconds: f32,
    /// Mean of the voice detector's probability over the segment, 0 to 1; 1 when there was no detector.
    pub mean_speech_probability: f32,
    /// Seconds of the segment in which the voice detector heard somebody.
    pub speech_seconds: f32,
    /// Level of the segment in decibels below full scale (root mean square).
    pub level_dbfs: f32,
    /// The language of the call; rejections are reported with it.
    pub language: Language,
    /// The names that the engine was prompted with.
    pub vocabulary: &'a [String],
    /// The names that it was given because one of them was asked for.
    pub asked: &'a [String],
}

/// What becomes of a recognition.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It stays as it is.
    Accept,
    /// It stays without its looped tail: only this many words from the start. See [`trimmed`].
    Trim {
        /// Words that stay, at least 1.
        words_kept: usize,
    },
    /// Nobody said it.
    Reject(Rejection),
}

/// Why a recognition was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The engine itself hears no speech and is unsure of its text.
    NoSpeech,
    /// The voice detector hears no speech.
    LowSpeechProbability,
    /// Subtitle credits, farewells of videos, or a lone courtesy on weak evidence.
    Boilerplate,
    /// Nothing but names of the vocabulary on weak evidence: the engine repeats its prompt.
    VocabularyEcho,
    /// The same words over and over.
    Loop,
    /// More words than anybody can say in the time.
    TooManyWords,
    /// Notes, dots and annotations only, or nothing.
    SymbolsOnly,
    /// The engine is so unsure of every word that the text says nothing.
    LowConfidence,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::NoSpeech,
        Self::LowSpeechProbability,
        Self::Boilerplate,
        Self::VocabularyEcho,
        Self::Loop,
        Self::TooManyWords,
        Self::SymbolsOnly,
        Self::LowConfidence,
    ];

    /// Name for metrics and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSpeech => "no_speech",
            Self::LowSpeechProbability => "low_speech_probability",
            Self::Boilerplate => "boilerplate",
            Self::VocabularyEcho => "vocabulary_echo",
            Self::Loop => "loop",
            Self::TooManyWords => "too_many_words",
            Self::SymbolsOnly => "symbols_only",
            Self::LowConfidence => "low_confidence",
        }
    }
}

/// A rejected recognition, for counting and for `--debug`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// What the engine made up.
    pub text: Redacted<String>,
    /// The language of the call.
    pub language: Language,
    /// The engine's mean log-probability.
    pub mean_log_probability: f32,
    /// The engine's probability of no speech.
    pub no_speech_probability: f32,
    /// The voice detector's mean.
    pub mean_speech_probability: f32,
}

/// What the guard has done since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Recognitions accepted, trimmed ones included.
    pub accepted: u64,
    /// Recognitions trimmed.
    pub trimmed: u64,
    /// Recognitions rejected, by reason in the order of [`Reason::ALL`].
    pub rejected: Vec<(Reason, u64)>,
}

/// The judge. Share it by reference; its counters are atomic.
#[derive(Debug)]
pub struct Guard {
    config: Config,
    accepted: AtomicU64,
    trimmed: AtomicU64,
    rejected: [AtomicU64; Reason::ALL.len()],
}

impl Guard {
    /// A guard with these thresholds, which must be valid ([`Config::validate`]).
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            accepted: AtomicU64::new(0),
            trimmed: AtomicU64::new(0),
            rejected: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Judges one recognition and counts the verdict.
    pub fn judge(&self, candidate: &Candidate<'_>) -> Verdict {
        let verdict = match self.reason(candidate) {
            Some(reason) => Verdict::Reject(rejection(candidate, reason)),
            None => match looped_tail(candidate.recognition) {
                Some(words_kept) if self.config.enabled => Verdict::Trim { words_kept },
                Some(_) | None => Verdict::Accept,
            },
        };
        match &verdict {
            Verdict::Accept => self.accepted.fetch_add(1, Ordering::Relaxed),
            Verdict::Trim { .. } => {
                self.accepted.fetch_add(1, Ordering::Relaxed);
                self.trimmed.fetch_add(1, Ordering::Relaxed)
            }
            Verdict::Reject(rejection) => {
                let place = Reason::ALL.iter().position(|reason| *reason == rejection.reason);
                let place = place.expect("ALL holds every reason");
                self.rejected[place].fetch_add(1, Ordering::Relaxed)
            }
        };
        verdict
    }

    /// The counters at this moment.
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            accepted: read(&self.accepted),
            trimmed: read(&self.trimmed),
            rejected: Reason::ALL.into_iter().zip(self.rejected.iter().map(read)).collect(),
        }
    }

    /// The first reason that holds, the surest first.
    fn reason(&self, candidate: &Candidate<'_>) -> Option<Reason> {
        let recognition = candidate.recognition;
        let text = normalized(&without_annotations(recognition.text.reveal()));
        if text.is_empty() {
            return Some(Reason::SymbolsOnly);
        }
        if !self.config.enabled {
            return None;
        }
        let config = &self.config;
        let words = recognition.words.len() as f32;
        let in_time = |seconds: f32, spare: f32| config.maximum_words_a_second * seconds + spare;
        let allowed_words = in_time(candidate.segment_seconds, SPARE_WORDS)
            .min(in_time(candidate.speech_seconds, SPARE_WORDS_HEARD));
        let callers_say_it_too = is_courtesy(&text) || is_doubtful(&text);
        let checks = [
            (self.is_unspoken_annotation(candidate, &text), Reason::SymbolsOnly),
            (is_credit(&text) || callers_say_it_too && self.is_weak(candidate), Reason::Boilerplate),
            (
                is_echo(&text, [candidate.vocabulary, candidate.asked]) && self.is_weak(candidate),
                Reason::VocabularyEcho,
            ),
            (
                candidate.mean_speech_probability < config.minimum_speech_probability,
                Reason::LowSpeechProbability,
            ),
            (
                recognition.no_speech_probability > config.no_speech_probability
                    && recognition.mean_log_probability < config.no_speech_log_probability,
                Reason::NoSpeech,
            ),
            (is_all_loop(recognition, &text) || is_stutter(recognition.text.reveal()), Reason::Loop),
            (words > allowed_words, Reason::TooManyWords),
            (recognition.mean_log_probability < config.minimum_log_probability, Reason::LowConfidence),
        ];
        checks.into_iter().find_map(|(holds, reason)| holds.then_some(reason))
    }

    fn is_unspoken_annotation(&self, candidate: &Candidate<'_>, text: &str) -> bool {
        let is_in_capitals = !candidate.recognition.text.reveal().chars().any(char::is_lowercase);
        is_annotation(text) && (is_in_capitals || self.is_weak(candidate))
    }

    /// Whether the evidence of speech is too weak for a phrase that subtitles hold too.
    fn is_weak(&self, candidate: &Candidate<'_>) -> bool {
        let config = &self.config;
        candidate.mean_speech_probability < config.courtesy_speech_probability
            || candidate.level_dbfs < config.courtesy_level_dbfs
            || candidate.recognition.mean_log_probability < config.courtesy_log_probability
            || candidate.recognition.no_speech_probability > config.courtesy_no_speech_probability
    }
}

/// The recognition with only its first `words_kept` words.
pub fn trimmed(recognition: &Recognition, words_kept: usize) -> Recognition {
    let words = recognition.words[..words_kept.min(recognition.words.len())].to_vec();
    let texts: Vec<&str> = words.iter().map(|word| word.text.reveal().as_str()).collect();
    let text = texts.join(" ");
    let corrections = recognition.corrections.iter().filter(|one| one.span.end <= text.len()).cloned();
    Recognition {
        corrections: corrections.collect(),
        text: Redacted::new(text),
        words,
        ..recognition.clone()
    }
}

fn rejection(candidate: &Candidate<'_>, reason: Reason) -> Rejection {
    let recognition = candidate.recognition;
    Rejection {
        reason,
        text: recognition.text.clone(),
        language: candidate.language,
        mean_log_probability: recognition.mean_log_probability,
        no_speech_probability: recognition.no_speech_probability,
        mean_speech_probability: candidate.mean_speech_probability,
    }
}

/// The text without what stands in brackets, between asterisks or between notes.
fn without_annotations(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut closing: Option<char> = None;
    for letter in text.chars() {
        match (closing, letter) {
            (Some(end), letter) if letter == end => closing = None,
            (Some(_), _) => {}
            (None, '[') => closing = Some(']'),
            (None, '(') => closing = Some(')'),
            (None, '*') => closing = Some('*'),
            (None, '♪') => closing = Some('♪'),
            (None, letter) => kept.push(letter),
        }
    }
    kept
}

/// Whether `text` (normalised) is words of the vocabulary and hardly another: echoes of a list of names go on with made-up ones
/// ("RIO, PUK, IMEI, RIBAN").
fn is_echo(text: &str, vocabularies: [&[String]; 2]) -> bool {
    let names: Vec<String> = vocabularies.into_iter().flatten().map(|name| normalized(name)).collect();
    let is_name = |word: &&str| names.iter().any(|name| name.split(' ').any(|part| part == *word));
    let words = text.split(' ').count();
    let others = words - text.split(' ').filter(is_name).count();
    others * ECHO_WORDS_FOR_ANOTHER <= words
}

fn word_loop(recognition: &Recognition) -> Option<Loop> {
    let words: Vec<String> = recognition.words.iter().map(|word| normalized(word.text.reveal())).collect();
    trailing_loop(&words, LONGEST_LOOP_PERIOD).filter(|found| is_decoder_loop(*found))
}

/// How many words stay when a loop ends the text: what came before and one round of it.
fn looped_tail(recognition: &Recognition) -> Option<usize> {
    let found = word_loop(recognition)?;
    Some(recognition.words.len() - found.period * (found.rounds - 1))
}

/// Whether the text is a loop and little else, or turns in circles without an end.
fn is_all_loop(recognition: &Recognition, text: &str) -> bool {
    let words = recognition.words.len();
    let mostly_loop = word_loop(recognition).is_some_and(|found| found.period * found.rounds * 3 > words * 2);
    let all: Vec<&str> = text.split(' ').collect();
    let pairs: Vec<(&str, &str)> = all.iter().copied().zip(all.iter().copied().skip(1)).collect();
    let is_poor = all.len() >= FEWEST_WORDS_FOR_VARIETY
        && (variety(all) < LEAST_VARIETY || variety(pairs) < LEAST_VARIETY_OF_PAIRS);
    mostly_loop || is_poor
}

/// Whether the text is one syllable that breaks off again and again: "Wh-wh-wh-wh-", which whisper.cpp hears in noise. A person's
/// "bla-bla-bla" does not end in a hyphen.
fn is_stutter(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let Some(syllables) = text.strip_suffix('-') else { return false };
    let mut syllables = syllables.split('-');
    let Some(first) = syllables.next() else { return false };
    let others = syllables.clone().count();
    !first.is_empty() && others + 1 >= FEWEST_SYLLABLES && syllables.all(|syllable| syllable == first)
}

/// The share of different items, 0 to 1.
fn variety<T: Ord>(mut items: Vec<T>) -> f32 {
    let all = items.len();
    items.sort_unstable();
    items.dedup();
    items.len() as f32 / all.max(1) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::asr::fake::recognition;

    const SURE: f32 = -0.2;

    fn judge_with(text: &str, edit: impl FnOnce(&mut Recognition, &mut f32, &mut f32)) -> Verdict {
        let mut heard = recognition(text, 16_000 * 5, Language::Fr);
        heard.mean_log_probability = SURE;
        let (mut speech, mut level) = (0.95, -25.0);
        edit(&mut heard, &mut speech, &mut level);
        Guard::new(&Config::default()).judge(&Candidate {
            recognition: &heard,
            segment_seconds: 5.0,
            mean_speech_probability: speech,
            speech_seconds: 5.0,
            level_dbfs: level,
            language: Language::Fr,
            vocabulary: &["Télébox".to_owned(), "carte SIM".to_owned()],
            asked: &["Velmoxine|Velmox".to_owned()],
        })
    }

    fn reason(verdict: &Verdict) -> Option<Reason> {
        match verdict {
            Verdict::Reject(rejection) => Some(rejection.reason),
            Verdict::Accept | Verdict::Trim { .. } => None,
        }
    }

    fn check(text: &str, expected: Option<Reason>) {
        let verdict = judge_with(text, |_, _, _| {});
        assert_eq!(reason(&verdict), expected, "{text}");
    }

    #[test]
    fn what_people_say_is_accepted() {
        for text in [
            "Bonjour, j'ai un problème avec ma facture de mars.",
            "Merci.",
            "Oui oui oui.",
            "Non non non non, ce n'est pas ça.",
            "zéro six douze douze douze douze",
            "quarante zéro sept un un neuf deux trois, je répète, quarante zéro sept un un neuf deux trois",
            "je veux parler à quelqu'un, je vous dis que je veux parler à quelqu'un, à quelqu'un, vous comprenez ?",
            "Au revoir.",
            "Thank you.",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn what_subtitles_say_is_rejected() {
        check("Sous-titres réalisés par la communauté d'Amara.org", Some(Reason::Boilerplate));
        check("Thanks for watching!", Some(Reason::Boilerplate));
        check("Ondertiteld door een vrijwilliger", Some(Reason::Boilerplate));
        for text in ["", "...", "♪ ♪", "[Musique]", "(rires)", "*applaudissements*", "♪ la la la ♪", "- - -"]
        {
            check(text, Some(Reason::SymbolsOnly));
        }
    }

    #[test]
    fn an_annotation_without_brackets_is_known_by_its_capitals_or_weak_evidence() {
        check("MUZIEK.", Some(Reason::SymbolsOnly));
        check("Musique.", None);
        let weak = judge_with("Musique.", |heard, _, _| heard.no_speech_probability = 0.5);
        assert_eq!(reason(&weak), Some(Reason::SymbolsOnly));
    }

    #[test]
    fn a_courtesy_needs_evidence_of_speech() {
        assert_eq!(judge_with("Merci.", |_, _, _| {}), Verdict::Accept);
        let weak = [
            judge_with("Merci.", |_, speech, _| *speech = 0.5),
            judge_with("Merci.", |_, _, level| *level = -70.0),
            judge_with("Merci.", |heard, _, _| heard.mean_log_probability = -0.9),
            judge_with("Merci.", |heard, _, _| heard.no_speech_probability = 0.6),
        ];
        for verdict in weak {
            assert_eq!(reason(&verdict), Some(Reason::Boilerplate));
        }
        let sentence = judge_with("Merci de me rappeler demain.", |_, speech, _| *speech = 0.5);
        assert_eq!(sentence, Verdict::Accept);
    }

    #[test]
    fn a_syllable_that_breaks_off_again_and_again_is_a_loop() {
        check("Wh-wh-wh-wh-", Some(Reason::Loop));
        for text in ["Bla-bla-bla.", "Non-non-non", "Peut-être-", "Je, je-", "-"] {
            assert!(!is_stutter(text), "{text}");
        }
    }

    #[test]
    fn what_videos_and_callers_say_needs_evidence_of_speech() {
        for text in [
            "Mon sous-titrage bugue.",
            "Le sous-titrage ?",
            "Sous-titres par défaut en anglais.",
            "N'hésitez pas à vous abonner à l'option.",
            "N'oubliez pas de vous abonner avant vendredi.",
            "Cliquez sur la cloche en haut à droite.",
            "Merci d'avoir regardé mon dossier.",
            "Subtitles by default, please.",
            "Please subscribe me to the plan.",
            "Don't forget to subscribe to the option.",
            "Ondertiteling werkt niet.",
            "Vergeet niet te abonneren op het pakket.",
            "Bedankt voor het kijken naar mijn factuur.",
            "Ik mis TV Gelderland.",
        ] {
            check(text, None);
            let weak = judge_with(text, |_, speech, _| *speech = 0.5);
            assert_eq!(reason(&weak), Some(Reason::Boilerplate), "{text}");
        }
        check("Sous-titrage Société Radio-Canada", Some(Reason::Boilerplate));
        check("N'oubliez pas de vous abonner à ma chaîne.", Some(Reason::Boilerplate));
        check("Merci d'avoir regardé.", Some(Reason::Boilerplate));
    }

    #[test]
    fn names_of_the_vocabulary_alone_need_evidence_of_speech() {
        for text in [
            "Télébox,",
            "telebox Télébox",
            "SIM, Télébox.",
            "SIM, Télébox, SIM, Ribane.",
            "Velmox, Velmoxine.",
        ] {
            check(text, None);
            let echo = judge_with(text, |_, speech, _| *speech = 0.5);
            assert_eq!(reason(&echo), Some(Reason::VocabularyEcho), "{text}");
        }
        let sentence = judge_with("Ma Télébox clignote.", |_, speech, _| *speech = 0.5);
        assert_eq!(sentence, Verdict::Accept);
    }

    #[test]
    fn each_kind_of_missing_evidence_has_its_reason() {
        let text = "je voudrais changer mon offre";
        let silent = judge_with(text, |_, speech, _| *speech = 0.1);
        assert_eq!(reason(&silent), Some(Reason::LowSpeechProbability));
        let unsure = judge_with(text, |heard, _, _| {
            heard.no_speech_probability = 0.7;
            heard.mean_log_probability = -1.1;
        });
        assert_eq!(reason(&unsure), Some(Reason::NoSpeech));
        let sure = judge_with(text, |heard, _, _| heard.no_speech_probability = 0.9);
        assert_eq!(sure, Verdict::Accept);
        let poor = judge_with(text, |heard, _, _| heard.mean_log_probability = -2.0);
        assert_eq!(reason(&poor), Some(Reason::LowConfidence));
        let fast: Vec<String> = (0..60).map(|index| format!("mot{index}")).collect();
        assert_eq!(reason(&judge_with(&fast.join(" "), |_, _, _| {})), Some(Reason::TooManyWords));
    }

    #[test]
    fn a_loop_is_rejected_and_a_looped_tail_is_cut() {
        check("très très très très très très très", Some(Reason::Loop));
        let circles =
            "La dame, elle dit. La dame, la dame, elle dit. La dame, la dame, elle dit la dame, elle dit.";
        check(circles, Some(Reason::Loop));
        let text = "bonjour je vous appelle au sujet de ma facture du mois de mars et et et et et et et";
        assert_eq!(judge_with(text, |_, _, _| {}), Verdict::Trim { words_kept: 14 });
        let heard = recognition(text, 80_000, Language::Fr);
        let cut = trimmed(&heard, 14);
        assert!(cut.text.reveal().ends_with("mars et"));
        assert_eq!(cut.words.len(), 14);
    }

    #[test]
    fn more_words_than_somebody_spoke_time_for_are_made_up() {
        let judge = |text: &str, speech_seconds: f32| {
            let heard = recognition(text, 16_000 * 5, Language::Fr);
            let evidence = Candidate {
                recognition: &heard,
                segment_seconds: 5.0,
                mean_speech_probability: 0.7,
                speech_seconds,
                level_dbfs: -25.0,
                language: Language::Fr,
                vocabulary: &[],
                asked: &[],
            };
            reason(&Guard::new(&Config::default()).judge(&evidence))
        };
        let made_up = "je suis un petit peu plus loin de nous et je vous le dis encore";
        assert_eq!(judge(made_up, 0.5), Some(Reason::TooManyWords));
        assert_eq!(judge(made_up, 2.0), None, "fast, and somebody spoke for so long");
        // A number in pairs, with long pauses between them, and a mumbled word or two.
        assert_eq!(judge("zéro six douze trente-quatre cinquante-six", 1.2), None);
        assert_eq!(judge("merci bien, au revoir", 0.1), None);
    }

    #[test]
    fn rejections_are_counted_and_keep_the_text_hidden() {
        let guard = Guard::new(&Config::default());
        let heard = recognition("Thanks for watching", 16_000, Language::En);
        let candidate = Candidate {
            recognition: &heard,
            segment_seconds: 1.0,
            mean_speech_probability: 0.9,
            speech_seconds: 1.0,
            level_dbfs: -30.0,
            language: Language::En,
            vocabulary: &[],
            asked: &[],
        };
        let Verdict::Reject(rejection) = guard.judge(&candidate) else { panic!("a credit is rejected") };
        assert_eq!(rejection.text.reveal(), "Thanks for watching");
        assert!(!format!("{rejection:?}").contains("watching"));
        let snapshot = guard.snapshot();
        assert_eq!(snapshot.accepted, 0);
        let counted: Vec<_> = snapshot.rejected.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(Reason::Boilerplate, 1)]);
    }

    #[test]
    fn a_disabled_guard_rejects_only_what_holds_no_word() {
        let guard = Guard::new(&Config { enabled: false, ..Config::default() });
        let judge = |text: &str| {
            let heard = recognition(text, 16_000, Language::En);
            reason(&guard.judge(&Candidate {
                recognition: &heard,
                segment_seconds: 1.0,
                mean_speech_probability: 0.0,
                speech_seconds: 0.0,
                level_dbfs: -90.0,
                language: Language::En,
                vocabulary: &[],
                asked: &[],
            }))
        };
        assert_eq!(judge("Thanks for watching"), None);
        assert_eq!(judge("..."), Some(Reason::SymbolsOnly));
    }

    proptest! {
        #[test]
        fn any_text_gets_a_verdict_and_a_trim_leaves_words(text in ".{0,200}") {
            let heard = recognition(&text, 16_000, Language::Nl);
            let verdict = judge_with(&text, |_, _, _| {});
            if let Verdict::Trim { words_kept } = verdict {
                prop_assert!(words_kept >= 1 && words_kept < heard.words.len());
            }
        }
    }
}
