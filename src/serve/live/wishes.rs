//! The query of the address of the generic protocol: how the client wants to be served, and the call's own parameters.

use crate::serve::error::ApiError;

/// Names and values of a query.
pub type Pairs = Vec<(String, String)>;

/// How a connection wants to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// The events of the call come back on the connection.
    pub events: bool,
    /// Texts are shown while somebody still speaks.
    pub partials: bool,
    /// What comes is a recording: each message is taken when all that the one before it led to is done, so that it may be
    /// sent as fast as it can be worked on and nothing of it makes room.
    pub is_recording: bool,
    /// The call is answered by the bot, or is not, whatever the configuration says.
    pub bot: Option<bool>,
}

impl Wishes {
    /// What platforms get, which know nothing of this.
    pub const OF_PEERS: Self = Self { events: false, partials: true, is_recording: false, bot: None };

    /// The parameters by which a client tells them.
    pub const PARAMETERS: &[&str] = &["events", "partials", "recording", "bot"];

    /// Takes the wishes out of a query; the rest of it belongs to the call.
    ///
    /// # Errors
    /// [`ApiError::Parameter`]: one is neither true nor false.
    pub fn take(query: Pairs) -> Result<(Self, Pairs), ApiError> {
        let mut wishes = Self { events: true, ..Self::OF_PEERS };
        let mut rest = Vec::new();
        for (name, value) in query {
            if !Self::PARAMETERS.contains(&name.as_str()) {
                rest.push((name, value));
                continue;
            }
            let is_true: bool = value
                .parse()
                .map_err(|_| ApiError::parameter(name.clone(), format!("`{name}` must be true or false")))?;
            match name.as_str() {
                "events" => wishes.events = is_true,
                "partials" => wishes.partials = is_true,
                "recording" => wishes.is_recording = is_true,
                "bot" => wishes.bot = Some(is_true),
                _ => rest.push((name, value)),
            }
        }
        Ok((wishes, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_taken_out_of_the_address_and_the_rest_belongs_to_the_call() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (wishes, rest) = Wishes::take(vec![
            pair("partials", "false"),
            pair("queue", "billing"),
            pair("recording", "true"),
            pair("bot", "false"),
        ])
        .unwrap();
        assert_eq!(wishes, Wishes { events: true, partials: false, is_recording: true, bot: Some(false) });
        assert_eq!(rest, [pair("queue", "billing")]);
        let wrong = Wishes::take(vec![pair("events", "no")]).unwrap_err();
        assert_eq!(wrong.parameter_name(), Some("events"));
        let wrong = Wishes::take(vec![pair("bot", "perhaps")]).unwrap_err();
        assert_eq!(wrong.parameter_name(), Some("bot"));
    }
}
