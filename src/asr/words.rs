//! From tokens to words: text, confidence and times.
//!
//! A word starts at a token with a leading space; the bytes of its tokens are joined before they are read as UTF-8,
//! because one letter may be split over two tokens. A token that is only punctuation belongs to the word before it.
//!
//! Times come from the stretches that the engine tells apart, the loudness and the letters: inside a stretch the 10 ms
//! frames that are loud enough to be speech are shared out among the words by length, so words never lie in a pause;
//! times rise from word to word and never leave the request. At the end the edges of words move to the silences beside
//! them, whichever engine placed them. whisper.cpp's alignment by attention is not used: it
//! ends the whole process by an assertion on stretches below 0.16 s (1.8.3, `median_filter`).

mod pauses;

use self::pauses::{FRAME_SAMPLES, loud_frames, snap};
use crate::asr::RecognizedWord;
use crate::audio::{SamplePos, SampleSpan};
use crate::redact::Redacted;

/// One token of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextToken {
    /// Its bytes, the leading space included.
    pub bytes: Vec<u8>,
    /// How sure it is that it was said (natural logarithm): its log-probability, or what an engine knows better.
    pub log_confidence: f32,
}

/// Tokens that the engine places between two times.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Where they are heard, in the samples of the request.
    pub span: SampleSpan,
    /// The tokens in order.
    pub tokens: Vec<TextToken>,
}

/// One token with its own place in the request.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedToken {
    /// The token.
    pub token: TextToken,
    /// Where it is heard.
    pub span: SampleSpan,
}

/// A text cut into words.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// The words joined by single spaces.
    pub text: Redacted<String>,
    /// The words.
    pub words: Vec<RecognizedWord>,
    /// Whether all bytes were valid; what was not is left out.
    pub is_valid_utf8: bool,
}

/// Joins tokens to words and gives each its time in `samples` (16 kHz). The stretches come in order of time; where one
/// overlaps the one before, its words start after it.
pub fn assemble(stretches: &[Stretch], samples: &[f32]) -> Assembled {
    let mut is_valid_utf8 = true;
    let mut words: Vec<RecognizedWord> = Vec::new();
    let mut earliest = SamplePos::ZERO;
    for stretch in stretches {
        let (drafts, is_valid) = drafts(&stretch.tokens);
        is_valid_utf8 &= is_valid;
        let end = stretch.span.end.0.min(samples.len() as u64).max(earliest.0);
        let start = stretch.span.start.0.clamp(earliest.0, end);
        let heard = usize::try_from(start).unwrap_or(usize::MAX)..usize::try_from(end).unwrap_or(usize::MAX);
        let spans = spread(&drafts, samples.get(heard).unwrap_or_default());
        for (draft, span) in drafts.into_iter().zip(spans) {
            let span = SampleSpan::new(span.start.plus(start), span.end.plus(start));
            earliest = span.end;
            words.push(draft.into_word(span));
        }
    }
    snap(&mut words, samples);
    Assembled { text: joined(&words), words, is_valid_utf8 }
}

/// Joins tokens whose places are known to words. `samples` are those of the request; words neither leave it nor
/// overlap, and silence beside them is no part of them.
pub fn assemble_timed(timed: &[TimedToken], samples: &[f32]) -> Assembled {
    let length = samples.len() as u64;
    let tokens: Vec<TextToken> = timed.iter().map(|timed| timed.token.clone()).collect();
    let (drafts, is_valid_utf8) = drafts(&tokens);
    let mut earliest = 0_u64;
    let mut words = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let heard = &timed[draft.heard.clone()];
        let start = heard.first().map_or(0, |token| token.span.start.0).clamp(earliest, length.max(1));
        let end = heard.last().map_or(0, |token| token.span.end.0).min(length);
        let start = start.min(length);
        let span = SampleSpan::new(SamplePos(start), SamplePos(end.max(start)));
        earliest = span.end.0;
        words.push(draft.into_word(span));
    }
    snap(&mut words, samples);
    Assembled { text: joined(&words), words, is_valid_utf8 }
}

fn joined(words: &[RecognizedWord]) -> Redacted<String> {
    let texts: Vec<&str> = words.iter().map(|word| word.text.reveal().as_str()).collect();
    Redacted::new(texts.join(" "))
}

/// The words of one stretch, and whether all of its bytes are valid.
fn drafts(tokens: &[TextToken]) -> (Vec<Draft>, bool) {
    let mut is_valid_utf8 = true;
    let mut drafts: Vec<Draft> = Vec::new();
    let mut first = 0;
    for group in tokens.chunk_by(|_, next| next.bytes.first() != Some(&b' ')) {
        // Marks at the end are not heard: the word ends with its last letter, and is as sure as its letters.
        let is_mark = |token: &&TextToken| token.bytes.iter().all(u8::is_ascii_punctuation);
        let marks = group.iter().skip(1).rev().take_while(is_mark).count();
        let said = group.len() - marks;
        let heard = first..first + said;
        first += group.len();
        let bytes: Vec<u8> = group.iter().flat_map(|token| token.bytes.iter().copied()).collect();
        is_valid_utf8 &= std::str::from_utf8(&bytes).is_ok();
        let decoded = String::from_utf8_lossy(&bytes).replace(['\u{FFFD}', '\0'], "");
        let sum: f32 = group[..said].iter().map(|token| token.log_confidence).sum();
        for piece in decoded.split_whitespace() {
            let draft = Draft { text: piece.to_owned(), sum, tokens: said, heard: heard.clone() };
            match drafts.last_mut() {
                Some(previous) if !piece.chars().any(char::is_alphanumeric) => previous.attach(&draft),
                Some(_) | None => drafts.push(draft),
            }
        }
    }
    (drafts, is_valid_utf8)
}

struct Draft {
    text: String,
    sum: f32,
    tokens: usize,
    /// The tokens that are heard, among those of the stretch.
    heard: std::ops::Range<usize>,
}

impl Draft {
    fn into_word(self, span: SampleSpan) -> RecognizedWord {
        RecognizedWord {
            text: Redacted::new(self.text),
            span,
            confidence: (self.sum / self.tokens as f32).exp().clamp(0.0, 1.0),
        }
    }

    /// Takes in a mark that stands alone (French puts a space before "?"). Its probability says nothing about the word.
    fn attach(&mut self, mark: &Self) {
        self.text.push(' ');
        self.text.push_str(&mark.text);
    }

    /// How long it takes to say, in letters; a digit is said as a whole word.
    fn length(&self) -> f64 {
        let letters = self.text.chars().map(|letter| match letter {
            digit if digit.is_ascii_digit() => 3.0,
            letter if letter.is_alphanumeric() => 1.0,
            _ => 0.0,
        });
        letters.sum::<f64>() + 0.5
    }
}

/// Shares the loud time out by word length.
fn spread(drafts: &[Draft], samples: &[f32]) -> Vec<SampleSpan> {
    let loud = LoudTime::of(samples);
    let total_length: f64 = drafts.iter().map(Draft::length).sum();
    let place_of = |length: f64| (length / total_length.max(f64::MIN_POSITIVE)).min(1.0) * loud.total();
    let mut spans = Vec::with_capacity(drafts.len());
    let mut length = 0.0;
    let mut earliest = 0_u64;
    for draft in drafts {
        let start = loud.start_after(place_of(length)).max(earliest);
        length += draft.length();
        let end = loud.end_before(place_of(length)).clamp(start, samples.len() as u64);
        earliest = end;
        spans.push(SampleSpan::new(SamplePos(start.min(end)), SamplePos(end)));
    }
    spans
}

/// The loud frames of a request as a clock that stands still in pauses.
struct LoudTime {
    /// Loud samples before each frame; one entry more than frames.
    elapsed: Vec<f64>,
    samples: u64,
}

impl LoudTime {
    fn of(samples: &[f32]) -> Self {
        let mut elapsed = vec![0.0];
        let mut sum = 0.0;
        for (is_loud, frame) in loud_frames(samples).zip(samples.chunks(FRAME_SAMPLES)) {
            if is_loud {
                sum += frame.len() as f64;
            }
            elapsed.push(sum);
        }
        Self { elapsed, samples: samples.len() as u64 }
    }

    fn total(&self) -> f64 {
        self.elapsed.last().copied().unwrap_or(0.0)
    }

    /// The latest position with `loud` loud samples before it: a word that starts there starts after the pause.
    fn start_after(&self, loud: f64) -> u64 {
        let frame = self.elapsed.partition_point(|&elapsed| elapsed <= loud).saturating_sub(1);
        self.within(frame, loud)
    }

    /// The earliest position with `loud` loud samples before it: a word that ends there ends before the pause.
    fn end_before(&self, loud: f64) -> u64 {
        let frame = self.elapsed.partition_point(|&elapsed| elapsed < loud).saturating_sub(1);
        self.within(frame, loud)
    }

    fn within(&self, frame: usize, loud: f64) -> u64 {
        let start = (frame * FRAME_SAMPLES) as u64;
        let inside = self.elapsed.get(frame).map_or(0.0, |elapsed| (loud - elapsed).max(0.0));
        (start + inside.round() as u64).min(self.samples)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(bytes: &[u8], probability: f32) -> TextToken {
        TextToken { bytes: bytes.to_vec(), log_confidence: probability.ln() }
    }

    fn one_stretch(tokens: &[TextToken], samples: &[f32]) -> Assembled {
        let span = SampleSpan::new(SamplePos::ZERO, SamplePos(samples.len() as u64));
        assemble(&[Stretch { span, tokens: tokens.to_vec() }], samples)
    }

    fn texts(assembled: &Assembled) -> Vec<&str> {
        assembled.words.iter().map(|word| word.text.reveal().as_str()).collect()
    }

    #[test]
    fn tokens_join_to_words_and_split_letters_are_made_whole() {
        let tokens = [
            token(b" l", 0.5),
            token(b"'", 0.5),
            token(&[b'a', 0xC3], 0.5),
            token(&[0xA9, b'p'], 0.5),
            token(b" va", 1.0),
            token(b" ?", 0.1),
        ];
        let found = one_stretch(&tokens, &[0.1; 16_000]);
        assert_eq!(texts(&found), ["l'a\u{e9}p", "va ?"]);
        assert_eq!(found.text.reveal(), "l'a\u{e9}p va ?");
        assert!(found.is_valid_utf8);
        assert!((found.words[0].confidence - 0.5).abs() < 1e-6);
        assert!((found.words[1].confidence - 1.0).abs() < 1e-6);
    }

    #[test]
    fn how_sure_a_mark_is_says_nothing_of_the_word_before_it() {
        let tokens =
            [token(b" l", 0.9), token(b"'", 0.4), token(b"eau", 0.9), token(b",", 0.1), token(b"\"", 0.1)];
        let found = one_stretch(&tokens, &[0.1; 16_000]);
        assert_eq!(texts(&found), ["l'eau,\""]);
        let expected = (0.9_f32 * 0.4 * 0.9).cbrt();
        assert!((found.words[0].confidence - expected).abs() < 1e-6);
    }

    #[test]
    fn broken_bytes_are_reported_and_left_out() {
        let found = one_stretch(&[token(&[b' ', b'a', 0xC3], 0.9), token(b" b", 0.9)], &[0.1; 1_600]);
        assert!(!found.is_valid_utf8);
        assert_eq!(texts(&found), ["a", "b"]);
    }

    #[test]
    fn words_do_not_lie_in_the_pause() {
        let mut samples = vec![0.3_f32; 8_000];
        samples.extend(vec![0.0; 16_000]);
        samples.extend(vec![0.3; 8_000]);
        let tokens = [token(b" oui", 0.9), token(b" non", 0.9)];
        let found = one_stretch(&tokens, &samples);
        assert_eq!(found.words[0].span, SampleSpan::new(SamplePos(0), SamplePos(8_000)));
        assert_eq!(found.words[1].span, SampleSpan::new(SamplePos(24_000), SamplePos(32_000)));
    }

    #[test]
    fn a_stretch_holds_its_words() {
        let samples = vec![0.3_f32; 48_000];
        let stretch = |start, end, text: &[u8]| Stretch {
            span: SampleSpan::new(SamplePos(start), SamplePos(end)),
            tokens: vec![token(text, 0.9)],
        };
        let found = assemble(&[stretch(0, 16_000, b" oui"), stretch(32_000, 60_000, b" merci")], &samples);
        assert_eq!(found.words[0].span, SampleSpan::new(SamplePos(0), SamplePos(16_000)));
        assert_eq!(found.words[1].span, SampleSpan::new(SamplePos(32_000), SamplePos(48_000)));
        let overlapping = assemble(&[stretch(0, 20_000, b" oui"), stretch(8_000, 30_000, b" non")], &samples);
        assert_eq!(overlapping.words[1].span.start, SamplePos(20_000));
    }

    proptest! {
        #[test]
        fn times_rise_and_stay_inside(
            words in proptest::collection::vec("[a-z]{1,12}", 0..30),
            loudness in proptest::collection::vec(0.0_f32..1.0, 0..200),
        ) {
            let samples: Vec<f32> = loudness.iter().flat_map(|level| [*level * *level; 100]).collect();
            let tokens: Vec<TextToken> =
                words.iter().map(|word| token(format!(" {word}").as_bytes(), 0.5)).collect();
            let found = one_stretch(&tokens, &samples);
            prop_assert_eq!(found.words.len(), tokens.len());
            let mut last = SamplePos::ZERO;
            for word in &found.words {
                prop_assert!(word.span.start >= last && word.span.end >= word.span.start);
                last = word.span.end;
            }
            prop_assert!(last.0 <= samples.len() as u64);
        }
    }
}
