//! Tags and texts of the little XML that the subset needs; knows no element.

use super::{Place, Problem};

/// Longest name of an element or attribute; what is longer is not a name that anybody gave.
const NAME_BYTES_MAX: usize = 32;
/// Most attributes of a tag, more than any element has.
const ATTRIBUTES_MAX: usize = 8;

/// A piece of the text.
pub enum Token {
    /// Text, with its entities read.
    Text(String),
    /// `<name …>` or `<name …/>`.
    Open(Tag),
    /// `</name>`.
    Close(String),
}

/// A tag that opens an element.
pub struct Tag {
    /// Name of the element.
    pub name: String,
    /// Names and values in order.
    pub attributes: Vec<(String, String)>,
    /// Whether it closes the element as well.
    pub is_empty: bool,
}

/// Reads a text from start to end.
pub struct Scanner<'t> {
    text: &'t str,
    at: usize,
    token_at: usize,
}

impl<'t> Scanner<'t> {
    /// At the start of `text`.
    pub const fn new(text: &'t str) -> Self {
        Self { text, at: 0, token_at: 0 }
    }

    /// Where the last token starts, or what could not be read.
    pub fn place(&self) -> Place {
        let before = &self.text[..self.token_at];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }

    /// The next token; `None` at the end.
    pub fn next_token(&mut self) -> Result<Option<Token>, Problem> {
        self.token_at = self.at;
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        if !rest.starts_with('<') {
            let end = rest.find('<').unwrap_or(rest.len());
            let text = self.unescape(self.at, &rest[..end])?;
            self.at += end;
            return Ok(Some(Token::Text(text)));
        }
        for (start, what) in
            [("<!--", "a comment"), ("<![CDATA[", "CDATA"), ("<!", "a declaration"), ("<?", "an instruction")]
        {
            if rest.starts_with(start) {
                return Err(Problem::Syntax { what });
            }
        }
        if self.take("</") {
            let name = self.name()?;
            self.skip_space();
            return if self.take(">") { Ok(Some(Token::Close(name))) } else { Err(unfinished()) };
        }
        self.at += 1;
        self.tag().map(|tag| Some(Token::Open(tag)))
    }

    fn tag(&mut self) -> Result<Tag, Problem> {
        let name = self.name()?;
        let mut attributes: Vec<(String, String)> = Vec::new();
        loop {
            let had_space = self.skip_space();
            if self.take("/>") {
                return Ok(Tag { name, attributes, is_empty: true });
            }
            if self.take(">") {
                return Ok(Tag { name, attributes, is_empty: false });
            }
            if self.rest().is_empty() || !had_space || attributes.len() >= ATTRIBUTES_MAX {
                return Err(unfinished());
            }
            attributes.push(self.attribute()?);
        }
    }

    fn attribute(&mut self) -> Result<(String, String), Problem> {
        let name = self.name()?;
        self.skip_space();
        let is_set = self.take("=");
        self.skip_space();
        let quote = self.rest().chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let Some(quote) = quote.filter(|_| is_set) else {
            return Err(Problem::Malformed { what: "an attribute without a value in quotes" });
        };
        self.at += 1;
        let rest = self.rest();
        let end = rest.find(quote).ok_or_else(unfinished)?;
        if rest[..end].contains('<') {
            return Err(Problem::Malformed { what: "`<` in a value; write &lt;" });
        }
        let value = self.unescape(self.at, &rest[..end])?;
        self.at += end + 1;
        Ok((name, value))
    }

    fn name(&mut self) -> Result<String, Problem> {
        let rest = self.rest();
        let is_part = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | ':' | '.');
        let end = rest.find(|sign| !is_part(sign)).unwrap_or(rest.len());
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) || end > NAME_BYTES_MAX {
            self.token_at = self.token_at.max(self.at.saturating_sub(1));
            return Err(Problem::Malformed { what: "`<` that starts no tag; write &lt;" });
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    /// Replaces the entities of `raw`, which starts at `start`.
    fn unescape(&mut self, start: usize, raw: &str) -> Result<String, Problem> {
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find('&') {
            text.push_str(&rest[..at]);
            let entity = &rest[at + 1..];
            let end = entity.find(';').filter(|end| *end <= NAME_BYTES_MAX);
            let sign = end.and_then(|end| sign(&entity[..end]));
            let (Some(end), Some(sign)) = (end, sign) else {
                self.token_at = start + (raw.len() - rest.len()) + at;
                return Err(Problem::Malformed { what: "`&` that starts no known entity; write &amp;" });
            };
            text.push(sign);
            rest = &entity[end + 1..];
        }
        text.push_str(rest);
        Ok(text)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn take(&mut self, expected: &str) -> bool {
        let is_there = self.rest().starts_with(expected);
        if is_there {
            self.at += expected.len();
        }
        is_there
    }

    fn skip_space(&mut self) -> bool {
        let rest = self.rest();
        let length = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.at += length;
        length > 0
    }
}

const fn unfinished() -> Problem {
    Problem::Malformed { what: "a tag that is not finished" }
}

/// The character that an entity stands for: XML's five and numbers.
fn sign(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            let is_plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
            let code = is_plain.then(|| u32::from_str_radix(digits, radix).ok()).flatten()?;
            char::from_u32(code).filter(|sign| !sign.is_control() || matches!(sign, '\n' | '\t'))
        }
    }
}
