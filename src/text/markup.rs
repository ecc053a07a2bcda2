//! The subset of SSML that a sentence may be written in, read strictly.
//!
//! A text is markup when it starts with the tag `<speak>`; every other text is plain, whatever signs are in it. What is
//! not in the subset is refused by its name and with its place: nothing is skipped, because a caller would hear the
//! difference and nobody would know why.
//!
//! | element | attributes | inside |
//! |---|---|---|
//! | `speak` | `version` (1.0, 1.1), `xmlns` | everything |
//! | `break` | `time` (`300ms`, `1.5s`) | nothing |
//! | `say-as` | `interpret-as` (digits, characters, telephone, date, cardinal), `format` for dates | text |
//! | `prosody` | `rate` (`slow`, `90%`), `volume` (`soft`, `-6dB`) | everything |
//! | `sub` | `alias` | text, which is not said |
//!
//! Invariants: any text gives parts or a problem, never a panic; what comes out is bounded by [`BYTES_MAX`],
//! [`PARTS_MAX`] and [`PAUSE_MAX`]. A problem holds names and places, never the words.

mod scan;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;
use std::time::Duration;

use self::scan::{Scanner, Tag, Token};

/// Longest text, in bytes; twice what an engine takes at once, for an answer of several sentences.
pub const BYTES_MAX: usize = 16 * 1024;
/// Elements inside each other, `speak` included. People write three; the limit bounds what is kept while reading.
pub const DEPTH_MAX: usize = 8;
/// Parts of one text.
pub const PARTS_MAX: usize = 256;
/// Longest pause, and longest sum of them: beyond it a caller thinks that the line is dead.
pub const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How words are said. Elements inside each other multiply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prosody {
    /// Speed in percent of the voice's own, 50 to 200.
    pub speed_percent: u16,
    /// Louder or softer than the voice's own, -24 to 6 dB.
    pub gain_db: f32,
}

impl Prosody {
    /// As the voice speaks by itself.
    pub const PLAIN: Self = Self { speed_percent: 100, gain_db: 0.0 };
    const SPEED_PERCENT: std::ops::RangeInclusive<u32> = 50..=200;
    const GAIN_DB: std::ops::RangeInclusive<f32> = -24.0..=6.0;
}

/// What a `say-as` is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SayAs {
    /// One digit after the other.
    Digits,
    /// One character after the other.
    Characters,
    /// A telephone number, in the groups of the language.
    Telephone,
    /// A day.
    Date(DateOrder),
    /// A whole number.
    Cardinal,
}

/// In which order a date with slashes is written; year, month, day with hyphens is always understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// `15/03/2026`
    DayMonthYear,
    /// `03/15/2026`
    MonthDayYear,
    /// `2026/03/15`
    YearMonthDay,
}

/// A piece of a text, in order.
#[derive(Clone, PartialEq)]
pub enum Part {
    /// Words as they stand.
    Words {
        /// The words, with the space around them as written.
        text: String,
        /// How they are said.
        prosody: Prosody,
    },
    /// Signs that are read in a certain way, which depends on the language.
    Signs {
        /// The signs.
        text: String,
        /// How they are read.
        say_as: SayAs,
        /// How they are said.
        prosody: Prosody,
        /// Where they start, for whoever cannot read them.
        place: Place,
    },
    /// Silence.
    Pause(Duration),
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words { .. } => formatter.write_str("Words([redacted])"),
            Self::Signs { say_as, .. } => write!(formatter, "Signs({say_as:?}, [redacted])"),
            Self::Pause(pause) => write!(formatter, "Pause({pause:?})"),
        }
    }
}

/// A place in the text, counted from 1, in lines and characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Character of the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// A text that cannot be read. Nothing of it is said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}\nhint: docs/voice.md lists the elements that a text may hold")]
pub struct Refused {
    /// Where.
    pub place: Place,
    /// Why.
    pub problem: Problem,
}

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Beyond [`BYTES_MAX`].
    #[error("the text has {bytes} bytes, at most {BYTES_MAX} are taken")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Beyond [`DEPTH_MAX`].
    #[error("more than {DEPTH_MAX} elements inside each other")]
    TooDeep,
    /// Beyond [`PARTS_MAX`].
    #[error("more than {PARTS_MAX} parts")]
    TooManyParts,
    /// The pauses together are beyond [`PAUSE_MAX`].
    #[error("more than {} s of pauses", PAUSE_MAX.as_secs())]
    TooMuchPause,
    /// An element that is not in the subset.
    #[error("element <{name}> is not supported")]
    Element {
        /// Its name.
        name: String,
    },
    /// An element where it may not stand.
    #[error("element <{inner}> may not stand inside <{outer}>")]
    Inside {
        /// The element.
        inner: &'static str,
        /// What it stands in.
        outer: &'static str,
    },
    /// An attribute that is not in the subset.
    #[error("attribute `{attribute}` of <{element}> is not supported")]
    Attribute {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: String,
    },
    /// The same attribute twice.
    #[error("attribute `{attribute}` of <{element}> stands twice")]
    Twice {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: String,
    },
    /// An attribute that has to be there.
    #[error("<{element}> needs {attribute}")]
    Missing {
        /// The element.
        element: &'static str,
        /// The attribute or attributes.
        attribute: &'static str,
    },
    /// A value that is not understood.
    #[error("`{attribute}` of <{element}> has to be {expected}")]
    Value {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// What is understood.
        expected: &'static str,
    },
    /// Prosody inside prosody that goes beyond what a voice can do.
    #[error("the {what} of elements inside each other goes beyond {limits}")]
    Prosody {
        /// Speed or volume.
        what: &'static str,
        /// What a voice can do.
        limits: &'static str,
    },
    /// Something of XML that is not in the subset.
    #[error("{what} is not supported")]
    Syntax {
        /// What it is.
        what: &'static str,
    },
    /// Not XML.
    #[error("{what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// An element that is not closed, or closed by another's tag.
    #[error("<{element}> is not closed")]
    Unclosed {
        /// The element.
        element: &'static str,
    },
    /// Something behind `</speak>`.
    #[error("there is more behind </speak>")]
    Behind,
    /// What is inside `say-as` cannot be read as that.
    #[error("what is inside <say-as> is not {expected}")]
    SayAs {
        /// What was expected.
        expected: &'static str,
    },
}

/// The text in parts: read as markup when it starts with `<speak>`, one part as it stands otherwise.
///
/// # Errors
/// [`Refused`] with the place of the first thing that is not in the subset or beyond a limit.
pub fn parse(text: &str) -> Result<Vec<Part>, Refused> {
    if text.len() > BYTES_MAX {
        let place = Place { line: 1, column: 1 };
        return Err(Refused { place, problem: Problem::TooLong { bytes: text.len() } });
    }
    if !is_markup(text) {
        return Ok(vec![Part::Words { text: text.to_owned(), prosody: Prosody::PLAIN }]);
    }
    let mut scanner = Scanner::new(text);
    Reader::default().read(&mut scanner).map_err(|problem| Refused { place: scanner.place(), problem })
}

/// `text` as it stands inside of markup, in an element or in a value in quotes: no sign of it is read as markup.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            _ => escaped.push(sign),
        }
    }
    escaped
}

/// Whether a text is meant to be read as markup.
pub fn is_markup(text: &str) -> bool {
    let behind = text.trim_start().strip_prefix("<speak");
    behind
        .is_some_and(|rest| rest.starts_with(|next: char| next.is_whitespace() || matches!(next, '>' | '/')))
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Element {
    Speak,
    Break,
    SayAs(SayAs),
    Prosody,
    Sub,
}

impl Element {
    const fn name(self) -> &'static str {
        match self {
            Self::Speak => "speak",
            Self::Break => "break",
            Self::SayAs(_) => "say-as",
            Self::Prosody => "prosody",
            Self::Sub => "sub",
        }
    }
}

/// An element that is open, with how words in it are said.
struct Open {
    element: Element,
    prosody: Prosody,
    /// What stands in a `say-as`, read when it is closed, and where it starts.
    signs: Option<(String, Place)>,
}

#[derive(Default)]
struct Reader {
    parts: Vec<Part>,
    open: Vec<Open>,
    paused: Duration,
    is_closed: bool,
}

impl Reader {
    fn read(mut self, scanner: &mut Scanner<'_>) -> Result<Vec<Part>, Problem> {
        while let Some(token) = scanner.next_token()? {
            match token {
                Token::Text(text) => self.text(&text, scanner.place())?,
                Token::Open(tag) => self.open(&tag)?,
                Token::Close(name) => self.close(&name)?,
            }
        }
        match self.open.last() {
            Some(open) => Err(Problem::Unclosed { element: open.element.name() }),
            None => Ok(self.parts),
        }
    }

    fn text(&mut self, text: &str, place: Place) -> Result<(), Problem> {
        let Some(open) = self.open.last_mut() else {
            let is_space = text.chars().all(char::is_whitespace);
            return if is_space { Ok(()) } else { Err(Problem::Behind) };
        };
        let prosody = open.prosody;
        match open.element {
            Element::Speak | Element::Prosody => self.add(Part::Words { text: text.to_owned(), prosody }),
            Element::SayAs(_) => {
                open.signs.get_or_insert_with(|| (String::new(), place)).0.push_str(text);
                Ok(())
            }
            // Its alias was said at the start.
            Element::Sub => Ok(()),
            Element::Break if text.chars().all(char::is_whitespace) => Ok(()),
            Element::Break => Err(Problem::Malformed { what: "text inside <break>" }),
        }
    }

    fn open(&mut self, tag: &Tag) -> Result<(), Problem> {
        if self.is_closed {
            return Err(Problem::Behind);
        }
        let outer = self.open.last().map(|open| (open.element, open.prosody));
        let mut prosody = outer.map_or(Prosody::PLAIN, |(_, prosody)| prosody);
        let element = match (tag.name.as_str(), outer) {
            ("speak", None) => speak(tag)?,
            ("speak", Some((outer, _))) => {
                return Err(Problem::Inside { inner: "speak", outer: outer.name() });
            }
            ("break", _) => Element::Break,
            ("say-as", _) => Element::SayAs(values::say_as(tag)?),
            ("prosody", _) => Element::Prosody,
            ("sub", _) => Element::Sub,
            (name, _) => return Err(Problem::Element { name: name.to_owned() }),
        };
        if let Some((outer @ (Element::Break | Element::SayAs(_) | Element::Sub), _)) = outer {
            return Err(Problem::Inside { inner: element.name(), outer: outer.name() });
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Problem::TooDeep);
        }
        match element {
            Element::Break => self.pause(values::pause(tag)?)?,
            Element::Prosody => prosody = values::prosody(tag, prosody)?,
            Element::Sub => self.add(Part::Words { text: values::alias(tag)?, prosody })?,
            Element::Speak | Element::SayAs(_) => {}
        }
        self.open.push(Open { element, prosody, signs: None });
        if tag.is_empty { self.close(&tag.name) } else { Ok(()) }
    }

    fn close(&mut self, name: &str) -> Result<(), Problem> {
        let Some(open) = self.open.pop() else { return Err(Problem::Behind) };
        if open.element.name() != name {
            return Err(Problem::Unclosed { element: open.element.name() });
        }
        self.is_closed = self.open.is_empty();
        if let Element::SayAs(say_as) = open.element {
            let nothing = Problem::Malformed { what: "<say-as> without text" };
            let (text, place) = open.signs.ok_or(nothing)?;
            return self.add(Part::Signs { text, say_as, prosody: open.prosody, place });
        }
        Ok(())
    }

    fn pause(&mut self, pause: Duration) -> Result<(), Problem> {
        self.paused += pause;
        if self.paused > PAUSE_MAX {
            return Err(Problem::TooMuchPause);
        }
        self.add(Part::Pause(pause))
    }

    fn add(&mut self, part: Part) -> Result<(), Problem> {
        if self.parts.len() >= PARTS_MAX {
            return Err(Problem::TooManyParts);
        }
        self.parts.push(part);
        Ok(())
    }
}

fn speak(tag: &Tag) -> Result<Element, Problem> {
    for (attribute, value) in &tag.attributes {
        let element = "speak";
        match attribute.as_str() {
            "version" if matches!(value.as_str(), "1.0" | "1.1") => {}
            "version" => {
                return Err(Problem::Value { element, attribute: "version", expected: "1.0 or 1.1" });
            }
            "xmlns" if value == values::NAMESPACE => {}
            "xmlns" => {
                return Err(Problem::Value { element, attribute: "xmlns", expected: values::NAMESPACE });
            }
            other => return Err(Problem::Attribute { element, attribute: other.to_owned() }),
        }
    }
    Ok(Element::Speak)
}
