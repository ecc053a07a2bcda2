//! Recorded sentences and words: a folder of recordings with the index `prompts.csv` (text,lang,file).
//!
//! Where a text to be spoken holds the words of a recording, the recording is heard in their place. Words are compared
//! without case, accents and punctuation, whole words only; where several recordings fit, the one with the most words
//! wins, then the one further left. A number is one word with its signs (`12,50`, `1 250`), and a sign that belongs to it
//! (`42 €`) is a word too: half a number is never replaced.
//!
//! Invariants: what is found covers the text in order, without overlap, on character boundaries. The index is checked
//! as a whole when it is read, recordings are decoded when they are first needed.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::audio::SampleRate;
use crate::call::Language;
use crate::media::{self, Block, OpenOptions, Recording};
use crate::text::fold;

/// Name of the index in the folder.
pub const INDEX: &str = "prompts.csv";
/// Largest index.
const INDEX_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Most recordings of an index.
const PROMPTS_MAX: usize = 10_000;
/// Longest recording that is a prompt, in seconds, and largest file.
const PROMPT_SECONDS_MAX: u64 = 60;
const PROMPT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Why a folder of recordings cannot be used, or one of its recordings not be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The index is not as it should be.
    #[error(
        "{} line {line}: {reason}\nhint: the columns are text,lang,file; files lie in the same folder",
        path.display()
    )]
    Index {
        /// The index.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A recording cannot be decoded.
    #[error("cannot play the prompt {}", path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: media::Error,
    },
    /// A recording is longer than a prompt can be.
    #[error("the prompt {} is longer than {PROMPT_SECONDS_MAX} s", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
}

/// One recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file when the index was read.
    pub digest: [u8; 32],
}

impl Prompt {
    /// The samples of the first channel and their rate. Blocks while the file is decoded.
    ///
    /// # Errors
    /// [`Error::Recording`] or [`Error::TooLong`].
    pub fn decode(&self) -> Result<(Vec<f32>, SampleRate), Error> {
        let failed = |source| Error::Recording { path: self.path.clone(), source };
        let mut recording = Recording::open(&self.path, &OpenOptions::default()).map_err(failed)?;
        let rate = recording.info().sample_rate;
        let (mut block, mut samples) = (Block::new(), Vec::new());
        while recording.next_block(&mut block).map_err(failed)? {
            samples.extend(&block.planes()[0]);
            if samples.len() as u64 > PROMPT_SECONDS_MAX * u64::from(rate.hz()) {
                return Err(Error::TooLong { path: self.path.clone() });
            }
        }
        Ok((samples, rate))
    }
}

/// What a piece of a text is heard as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'t> {
    /// Words for which there is no recording, with what is around them.
    Made(&'t str),
    /// The recording of this number.
    Recorded(usize),
}

/// The recordings of a folder.
#[derive(Debug, Clone, Default)]
pub struct Prompts {
    prompts: Vec<Prompt>,
    /// By language and first word: all words and the number of the recording, most words first.
    by_first_word: HashMap<(Language, String), Vec<Numbered>>,
}

/// The words of a recording, folded, and its number.
type Numbered = (Vec<String>, usize);

impl Prompts {
    /// Reads the index in `folder` and makes sure that every recording is there.
    ///
    /// # Errors
    /// The first mistake, with file and line.
    pub fn load(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(INDEX);
        let text = String::from_utf8_lossy(&read(&path, INDEX_BYTES_MAX)?).into_owned();
        let wrong = |line, reason: String| Error::Index { path: path.clone(), line, reason };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
        let mut columns = [0; 3];
        for (column, name) in columns.iter_mut().zip(["text", "lang", "file"]) {
            let at = headers.iter().position(|header| header.trim_start_matches('\u{feff}') == name);
            *column = at.ok_or_else(|| wrong(1, format!("there is no column `{name}`")))?;
        }
        let mut prompts = Self::default();
        for row in reader.records() {
            let row = row.map_err(|error| {
                wrong(error.position().map_or(1, csv::Position::line), "not a line of CSV".to_owned())
            })?;
            let line = row.position().map_or(1, csv::Position::line);
            let [text, language, file] = columns.map(|column| row.get(column).unwrap_or_default());
            let language = Language::from_str(language)
                .map_err(|_| wrong(line, format!("`{language}` is not a language; fr, en and nl are")))?;
            prompts.add(folder, [text, file], language).map_err(|refusal| match refusal {
                Refusal::Line(reason) => wrong(line, reason),
                Refusal::File(error) => error,
            })?;
        }
        prompts.sort();
        Ok(prompts)
    }

    fn add(&mut self, folder: &Path, [text, file]: [&str; 2], language: Language) -> Result<(), Refusal> {
        let words: Vec<String> = words(text).into_iter().map(|word| word.folded).collect();
        let Some(first) = words.first().cloned() else {
            return Err(Refusal::Line("the text has no word".to_owned()));
        };
        let is_plain = !file.is_empty()
            && Path::new(file).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !is_plain {
            return Err(Refusal::Line("the file is not a path inside the folder".to_owned()));
        }
        if self.prompts.len() >= PROMPTS_MAX {
            return Err(Refusal::Line(format!("more than {PROMPTS_MAX} prompts")));
        }
        let same_start = self.by_first_word.entry((language, first)).or_default();
        if same_start.iter().any(|(other, _)| *other == words) {
            return Err(Refusal::Line("these words have a recording already".to_owned()));
        }
        let path = folder.join(file);
        let bytes = read(&path, PROMPT_BYTES_MAX).map_err(Refusal::File)?;
        Recording::open(&path, &OpenOptions::default())
            .map_err(|source| Refusal::File(Error::Recording { path: path.clone(), source }))?;
        same_start.push((words, self.prompts.len()));
        self.prompts.push(Prompt { path, digest: Sha256::digest(&bytes).into() });
        Ok(())
    }

    fn sort(&mut self) {
        for same_start in self.by_first_word.values_mut() {
            same_start.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
        }
    }

    /// How many recordings there are.
    pub fn len(&self) -> usize {
        self.prompts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.prompts.is_empty()
    }

    /// The recording of a number that [`Prompts::find`] gave.
    pub fn get(&self, number: usize) -> Option<&Prompt> {
        self.prompts.get(number)
    }

    /// The text in order, as recordings and what lies between them.
    pub fn find<'t>(&self, text: &'t str, language: Language) -> Vec<Heard<'t>> {
        if self.is_empty() {
            return vec![Heard::Made(text)];
        }
        let words = words(text);
        let (mut heard, mut made_from, mut at) = (Vec::new(), 0, 0);
        while at < words.len() {
            let Some((length, number)) = self.longest(&words, at, language) else {
                at += 1;
                continue;
            };
            if words[at].start > made_from {
                heard.push(Heard::Made(&text[made_from..words[at].start]));
            }
            heard.push(Heard::Recorded(number));
            made_from = words[at + length - 1].end;
            at += length;
        }
        if made_from < text.len() {
            heard.push(Heard::Made(&text[made_from..]));
        }
        heard
    }

    fn longest(&self, words: &[Word], at: usize, language: Language) -> Option<(usize, usize)> {
        // A sign in front or behind that is no word of the recording belongs to the number beside it.
        let is_sign =
            |index: Option<usize>| index.and_then(|index| words.get(index)).is_some_and(|word| word.is_sign);
        let same_start = self.by_first_word.get(&(language, words[at].folded.clone()))?;
        same_start.iter().find_map(|(wanted, number)| {
            let found = words.get(at..at + wanted.len())?;
            let fits = found.iter().zip(wanted).all(|(found, wanted)| found.folded == *wanted);
            let is_cut = !found[0].is_sign && is_sign(at.checked_sub(1))
                || !found[found.len() - 1].is_sign && is_sign(Some(at + wanted.len()));
            (fits && !is_cut).then_some((wanted.len(), *number))
        })
    }
}

enum Refusal {
    Line(String),
    File(Error),
}

/// A word as it is compared, with its place.
struct Word {
    folded: String,
    start: usize,
    end: usize,
    /// A sign that is said, as `€`, and neither letter nor digit.
    is_sign: bool,
}

/// The words of a text. Signs that are not said (punctuation, apostrophes, hyphens) part words; the signs inside a
/// number do not.
fn words(text: &str) -> Vec<Word> {
    let signs: Vec<(usize, char)> = text.char_indices().collect();
    let mut words: Vec<Word> = Vec::new();
    let mut at = 0;
    while at < signs.len() {
        let (start, sign) = signs[at];
        let mut behind = at + 1;
        let is_word = sign.is_alphanumeric();
        if is_word {
            while signs.get(behind).is_some_and(|_| belongs_to_word(&signs, behind)) {
                behind += 1;
            }
        }
        let end = signs.get(behind).map_or(text.len(), |(start, _)| *start);
        if is_word || is_said_sign(sign) {
            // Within a number the spaces of the writer do not matter.
            let folded = fold(&text[start..end]).replace(' ', "");
            words.push(Word { folded, start, end, is_sign: !is_word });
        }
        at = behind;
    }
    words
}

/// Whether the sign at `at` goes on with the word before it: letters and digits, marks on letters, and inside numbers a
/// decimal sign or a space before three digits.
fn belongs_to_word(signs: &[(usize, char)], at: usize) -> bool {
    let is_digit = |at: usize| signs.get(at).is_some_and(|(_, sign)| sign.is_ascii_digit());
    let sign = signs[at].1;
    if sign.is_alphanumeric() || unicode_normalization::char::is_combining_mark(sign) {
        return true;
    }
    if !is_digit(at - 1) || !is_digit(at + 1) {
        return false;
    }
    match sign {
        '.' | ',' | ':' | '/' => true,
        ' ' | '\u{a0}' | '\u{202f}' => is_digit(at + 2) && is_digit(at + 3) && !is_digit(at + 4),
        _ => false,
    }
}

/// Signs that a voice says or that change what is said of a number.
pub const fn is_said_sign(sign: char) -> bool {
    matches!(sign, '€' | '$' | '£' | '%' | '‰' | '&' | '@' | '+' | '°' | '§' | '=' | '×' | '½' | '¼' | '¾')
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_path_buf(), source };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(failed(std::io::Error::other(format!("larger than {bytes_max} bytes"))));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
