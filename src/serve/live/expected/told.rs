//! The body of `POST /v1/calls/expected`.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::call::Language;
use crate::ingress::VOCABULARY_MAX;
use crate::redact::Redacted;
use crate::serve::error::ApiError;

/// What was told of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// Its language; otherwise the configuration decides.
    pub language: Option<Language>,
    /// The caller's number or address.
    pub caller: Option<Redacted<String>>,
    /// What was called.
    pub called: Option<Redacted<String>>,
    /// Words to expect.
    pub vocabulary: Vec<Redacted<String>>,
    /// Whether the bot answers, whatever the configuration says.
    pub bot: Option<bool>,
}

/// Reads a request strictly: of which call something is told, and what.
///
/// # Errors
/// [`ApiError::Malformed`], or [`ApiError::Parameter`] with the field that is wrong. None holds a value: they are numbers and
/// names of callers.
pub fn read(bytes: &[u8]) -> Result<(Uuid, Told), ApiError> {
    let malformed = |_| ApiError::Malformed { message: "expected a JSON object".to_owned() };
    let fields: Map<String, Value> = serde_json::from_slice(bytes).map_err(malformed)?;
    let (mut call, mut told) = (None, Told::default());
    for (name, value) in fields {
        let wrong =
            |expected: &str| ApiError::parameter(name.clone(), format!("`{name}` must be {expected}"));
        match (name.as_str(), value) {
            ("uuid", value) => {
                let uuid = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
                call = Some(uuid.ok_or_else(|| wrong("the UUID that AudioSocket will bring"))?);
            }
            ("language" | "caller" | "called" | "vocabulary" | "bot", Value::Null) => {}
            ("language", value) => {
                let code = value.as_str().unwrap_or_default();
                let is_auto = code == "auto";
                let language = code.parse::<Language>().ok();
                if language.is_none() && !is_auto {
                    return Err(wrong("fr, en, nl or auto"));
                }
                told.language = language;
            }
            ("caller", Value::String(text)) => told.caller = Some(text.into()),
            ("called", Value::String(text)) => told.called = Some(text.into()),
            ("caller" | "called", _) => return Err(wrong("a text")),
            ("vocabulary", value) => {
                let words = vocabulary(value);
                told.vocabulary = words.ok_or_else(|| wrong(&format!("at most {VOCABULARY_MAX} texts")))?;
            }
            ("bot", value) => told.bot = Some(value.as_bool().ok_or_else(|| wrong("true or false"))?),
            _ => return Err(wrong("uuid, language, caller, called, vocabulary or bot")),
        }
    }
    let missing = || ApiError::parameter("uuid", "`uuid` is missing: the UUID that AudioSocket will bring");
    Ok((call.ok_or_else(missing)?, told))
}

fn vocabulary(value: Value) -> Option<Vec<Redacted<String>>> {
    let Value::Array(words) = value else { return None };
    if words.len() > VOCABULARY_MAX {
        return None;
    }
    words.into_iter().map(|word| word.as_str().map(Redacted::from)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(body: &Value, parameter: &str) {
        let error = read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.parameter_name(), Some(parameter), "{body}: {error}");
        assert!(!error.to_string().contains("0033"), "a value is repeated: {error}");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_repeated() {
        let uuid = Uuid::from_u128(7).to_string();
        check(&json!({}), "uuid");
        check(&json!({ "caller": "0033" }), "uuid");
        check(&json!({ "uuid": "0033" }), "uuid");
        check(&json!({ "uuid": 7 }), "uuid");
        check(&json!({ "uuid": uuid, "language": "0033" }), "language");
        check(&json!({ "uuid": uuid, "language": 33 }), "language");
        check(&json!({ "uuid": uuid, "caller": 33 }), "caller");
        check(&json!({ "uuid": uuid, "called": ["0033"] }), "called");
        check(&json!({ "uuid": uuid, "vocabulary": "0033" }), "vocabulary");
        check(&json!({ "uuid": uuid, "vocabulary": [33] }), "vocabulary");
        check(&json!({ "uuid": uuid, "vocabulary": vec!["x"; VOCABULARY_MAX + 1] }), "vocabulary");
        check(&json!({ "uuid": uuid, "bot": "true" }), "bot");
        check(&json!({ "uuid": uuid, "sample_rate": 8_000 }), "sample_rate");
        for body in [&b""[..], b"[]", b"\xff", b"{\"uuid\":"] {
            assert!(matches!(read(body), Err(ApiError::Malformed { .. })), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(read(&bytes));
        }
    }
}
