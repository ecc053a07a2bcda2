//! Reading and writing the JSON of peers: limits, errors that show no content, base64, numbers written as text.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde_json::error::Category;

use super::{Error, Parameters, Reply};
use crate::redact::Redacted;

/// A control message: a start with vocabulary or metadata is the largest.
pub(super) const CONTROL_BYTES_MAX: usize = 64 * 1024;
/// Longest name of a field that an error repeats.
const FIELD_CHARS_MAX: usize = 80;

/// Base64 with or without padding: peers differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with the JSON of a message. No value of it is in here: serde's own words may quote what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// It is no JSON object: where it breaks.
    Unreadable(String),
    /// A field, as a path, is missing, unknown or of another type: what is wrong with it.
    Field(String, &'static str),
}

/// Reads a message that is within its limit.
///
/// # Errors
/// [`Flaw`].
pub fn read_json<T: DeserializeOwned>(text: &str) -> Result<T, Flaw> {
    // The second pass, which keeps the path, is paid only by messages that are wrong.
    serde_json::from_str(text).or_else(|_| {
        let mut source = serde_json::Deserializer::from_str(text);
        serde_path_to_error::deserialize(&mut source)
            .map_err(|error| explain(error.path(), error.inner()))
            .and_then(|value| {
                let rest = |_| Flaw::Unreadable("something follows the JSON object".to_owned());
                source.end().map(|()| value).map_err(rest)
            })
    })
}

/// Reads a message of a peer that is within its limit.
///
/// # Errors
/// [`Error::InvalidField`] when a field is missing, unknown or of another type, [`Error::Unreadable`] when it is no JSON.
pub(super) fn read<T: DeserializeOwned>(protocol: &'static str, text: &str) -> Result<T, Error> {
    read_json(text).map_err(|flaw| match flaw {
        Flaw::Unreadable(what) => Error::Unreadable { protocol, what },
        Flaw::Field(field, what) => Error::InvalidField { protocol, field, what: what.to_owned() },
    })
}

/// Writes a message.
pub(super) fn write<T: serde::Serialize>(message: &T) -> Reply {
    Reply::Text(serde_json::to_string(message).expect("our own messages have text keys and finite numbers"))
}

/// Decodes base64.
pub(super) fn decode_base64(protocol: &'static str, text: &str) -> Result<Vec<u8>, Error> {
    BASE64
        .decode(text)
        .map_err(|_| Error::InvalidAudio { protocol, what: "a payload that is no base64".to_owned() })
}

/// Encodes base64.
pub(super) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A key of a telephone.
pub(super) fn digit(protocol: &'static str, field: &str, text: &str) -> Result<Redacted<char>, Error> {
    let mut characters = text.chars();
    match (characters.next().map(|first| first.to_ascii_uppercase()), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(Redacted::new(key)),
        _ => Err(Error::InvalidField {
            protocol,
            field: field.to_owned(),
            what: "is no key of a telephone (0 to 9, *, #, A to D)".to_owned(),
        }),
    }
}

/// Adds the values of a JSON object to `parameters`: texts as they are, everything else as JSON.
pub(super) fn collect(values: serde_json::Map<String, serde_json::Value>, parameters: &mut Parameters) {
    for (name, value) in values {
        let text = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text,
            other @ (serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_)) => other.to_string(),
        };
        parameters.insert(name, Redacted::new(text));
    }
}

/// A whole number that peers write as a number or as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(pub(super) u64);

impl<'de> serde::Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value))
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Number, E> {
                value.parse().map(Number).map_err(|_| E::custom("no whole number"))
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

fn explain(path: &serde_path_to_error::Path, error: &serde_json::Error) -> Flaw {
    match error.classify() {
        Category::Data => {
            let text = error.to_string();
            let quoted = text.split('`').nth(1).unwrap_or_default();
            let (name, what) = if text.starts_with("missing field") {
                (Some(quoted), "is missing")
            } else if text.starts_with("unknown field") {
                (Some(quoted), "is not known")
            } else if text.starts_with("duplicate field") {
                (Some(quoted), "comes twice")
            } else {
                (None, "has another type or value than it may have")
            };
            let mut parts: Vec<String> = path.iter().map(ToString::to_string).collect();
            // The path of an unknown field ends with the field already.
            if let Some(name) = name
                && parts.last().is_none_or(|last| last != name)
            {
                parts.push(name.to_owned());
            }
            let field: String = parts.join(".").chars().take(FIELD_CHARS_MAX).collect();
            Flaw::Field(if field.is_empty() { "message".to_owned() } else { field }, what)
        }
        Category::Syntax | Category::Eof | Category::Io => {
            Flaw::Unreadable(format!("no JSON object, at line {} column {}", error.line(), error.column()))
        }
    }
}
