//! The messages of whoever controls a call, as orders for it: a pure codec, limits first, then the JSON, then what the
//! connection of the call can do.
//!
//! It is strict, because whoever writes a client for it reads the answers: every message that is wrong is refused by name,
//! and the next one is taken. No error shows what a message held.

use serde::de::DeserializeOwned;

use super::wire;
use crate::audio::SampleRate;
use crate::audio::g711::Law;
use crate::call::Channel;
use crate::ingress::{Flaw, read_json};
use crate::live::{Abilities, Command, is_internal_mark};
use crate::redact::Redacted;
use crate::serve::deepgram::listen::query::Encoding;
use crate::turn::Expectation;

/// The largest message of this protocol is a transfer to a long address.
const TEXT_BYTES_MAX: usize = 4 * 1024;
/// Longest sound of one `play`. Prompts are seconds; what is longer comes in parts, which can be stopped sooner.
const SOUND_SECONDS_MAX: u32 = 60;
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;
/// Marks travel through the protocols of peers, where some have bounds of their own.
const MARK_CHARS_MAX: usize = 64;
/// Begin of the marks that the bot gives to what it says.
const MARK_OF_BOT: &str = "bot-";
/// A SIP address with its parameters.
const TARGET_CHARS_MAX: usize = 256;
/// No number that a caller can say is longer.
const DIGITS_MAX: u32 = 64;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// By the connection of the call.
    Command(Command),
    /// By turn-taking: the speaker of this track was asked for something.
    Expect {
        /// Index of the track.
        track: usize,
        /// What he was asked for.
        expectation: Expectation,
    },
}

/// Why a message is refused. The connection goes on, and so does the call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is larger than any message needs to be; it was not looked at.
    #[error("a message of {bytes} bytes, at most {limit_bytes} are taken")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        limit_bytes: usize,
    },
    /// It is no JSON object.
    #[error("a message that cannot be read: {what}")]
    Unreadable {
        /// Where it breaks.
        what: String,
    },
    /// A field is missing, not known, or holds what it cannot hold.
    #[error("`{field}` {what}")]
    InvalidField {
        /// The field, as a path.
        field: String,
        /// What is wrong.
        what: String,
    },
    /// Sound that is not what was announced.
    #[error("audio that cannot be read: {what}")]
    InvalidAudio {
        /// What is wrong.
        what: String,
    },
    /// It came where it cannot come.
    #[error("{what}")]
    OutOfOrder {
        /// What came, and when it may come.
        what: &'static str,
    },
    /// The connection of the call cannot do this.
    #[error("the connection of this call cannot {what}")]
    Unsupported {
        /// What it cannot do.
        what: &'static str,
    },
    /// The connection of the call is behind with what it was told.
    #[error(
        "the connection of the call takes no more commands; hint: wait for the end of a playback, or flush"
    )]
    Busy,
}

impl Error {
    /// A short name that programs can branch on; where they mean the same as in the generic protocol they are the same.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Unreadable { .. } => "unreadable",
            Self::InvalidField { .. } => "invalid_field",
            Self::InvalidAudio { .. } => "invalid_audio",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Unsupported { .. } => "unsupported",
            Self::Busy => "busy",
        }
    }

    /// The message for the client.
    pub fn json(&self) -> String {
        let field = if let Self::InvalidField { field, .. } = self { Some(field.as_str()) } else { None };
        let refused = wire::Refused { kind: "error", code: self.code(), field, message: self.to_string() };
        serde_json::to_string(&refused).expect("texts always serialise")
    }
}

/// Reads the messages of one client.
#[derive(Debug)]
pub struct Orders {
    channels: Vec<Channel>,
    abilities: Abilities,
    /// What the next binary message is.
    announced: Option<Announced>,
}

#[derive(Debug)]
struct Announced {
    mark: String,
    encoding: Encoding,
    rate: SampleRate,
}

impl Orders {
    /// For a call with these channels, in the order of its tracks.
    pub const fn new(channels: Vec<Channel>, abilities: Abilities) -> Self {
        Self { channels, abilities, announced: None }
    }

    /// Takes a text message; gives what follows from it at once.
    ///
    /// # Errors
    /// Nothing follows from it.
    pub fn text(&mut self, text: &str) -> Result<Option<Order>, Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::TooLarge { bytes: text.len(), limit_bytes: TEXT_BYTES_MAX });
        }
        let wire::Kind { kind } = read(text)?;
        match kind.as_str() {
            "play" => {
                // Whatever is wrong with this one, the sound that comes is not that of the one before.
                let is_second = self.announced.take().is_some();
                self.announced = Some(self.announcement(read(text)?)?);
                let what = "a `play` before the sound of the one before, which is forgotten";
                if is_second { Err(Error::OutOfOrder { what }) } else { Ok(None) }
            }
            "flush" => {
                let _: wire::Plain = read(text)?;
                able(self.abilities.plays, "play")?;
                self.announced = None;
                Ok(Some(Order::Command(Command::Flush)))
            }
            "hangup" => {
                let _: wire::Plain = read(text)?;
                able(self.abilities.hangs_up, "end it")?;
                Ok(Some(Order::Command(Command::HangUp)))
            }
            "transfer" => {
                let wire::Transfer { target, .. } = read(text)?;
                able(self.abilities.transfers, "transfer")?;
                check_text("target", &target, TARGET_CHARS_MAX)?;
                Ok(Some(Order::Command(Command::Transfer { target: Redacted::new(target) })))
            }
            "expect" => self.expect(&read(text)?).map(Some),
            _ => Err(invalid("type", "must be play, flush, hangup, transfer or expect")),
        }
    }

    /// Takes a binary message: the sound of the `play` before it.
    ///
    /// # Errors
    /// It is not played.
    pub fn sound(&mut self, bytes: &[u8]) -> Result<Order, Error> {
        let Some(Announced { mark, encoding, rate }) = self.announced.take() else {
            return Err(Error::OutOfOrder { what: "sound without a `play` before it" });
        };
        let size = encoding.sample_bytes();
        let limit_bytes = (rate.hz() * SOUND_SECONDS_MAX) as usize * size;
        if bytes.len() > limit_bytes {
            return Err(Error::TooLarge { bytes: bytes.len(), limit_bytes });
        }
        if bytes.is_empty() || !bytes.len().is_multiple_of(size) {
            let what = format!("{} bytes are no whole number of samples of {size}", bytes.len());
            return Err(Error::InvalidAudio { what });
        }
        let samples = bytes.chunks_exact(size).map(|sample| encoding.decode(sample)).collect();
        Ok(Order::Command(Command::Play { samples, rate, mark }))
    }

    fn announcement(&self, play: wire::Play) -> Result<Announced, Error> {
        able(self.abilities.plays, "play")?;
        check_text("mark", &play.mark, MARK_CHARS_MAX)?;
        if is_internal_mark(&play.mark) || play.mark.starts_with(MARK_OF_BOT) {
            return Err(invalid("mark", "must not begin with `allo:` or `bot-`"));
        }
        let rate = Some(play.sample_rate).filter(|hz| RATES_HZ.contains(hz)).and_then(SampleRate::from_hz);
        let rate = rate.ok_or_else(|| invalid("sample_rate", "must be 8000 to 48000"))?;
        let encoding = match play.encoding {
            wire::Encoding::PcmS16le => Encoding::Linear16,
            wire::Encoding::Mulaw => Encoding::Law(Law::Mu),
            wire::Encoding::Alaw => Encoding::Law(Law::A),
        };
        Ok(Announced { mark: play.mark, encoding, rate })
    }

    fn expect(&self, expect: &wire::Expect) -> Result<Order, Error> {
        let track = match &expect.channel {
            None => 0,
            Some(name) => self
                .channels
                .iter()
                .position(|channel| channel.to_string() == *name)
                .ok_or_else(|| invalid("channel", "must be a channel of the call"))?,
        };
        if expect.count.is_some() && expect.what != wire::What::Digits {
            return Err(invalid("count", "goes with `digits` only"));
        }
        if expect.count.is_some_and(|count| !(1..=DIGITS_MAX).contains(&count)) {
            return Err(invalid("count", "must be 1 to 64"));
        }
        let expectation = match expect.what {
            wire::What::Open => Expectation::Open,
            wire::What::YesNo => Expectation::YesNo,
            wire::What::Digits => Expectation::Digits { count: expect.count.unwrap_or(0) },
            wire::What::Phone => Expectation::Phone,
            wire::What::Email => Expectation::Email,
            wire::What::Address => Expectation::Address,
            wire::What::Spelling => Expectation::Spelling,
        };
        Ok(Order::Expect { track, expectation })
    }
}

fn able(is_able: bool, what: &'static str) -> Result<(), Error> {
    if is_able { Ok(()) } else { Err(Error::Unsupported { what }) }
}

/// A text that peers are given: something, not too much, on one line.
fn check_text(field: &str, text: &str, chars_max: usize) -> Result<(), Error> {
    if text.trim().is_empty() || text.chars().count() > chars_max || text.chars().any(char::is_control) {
        return Err(invalid(
            field,
            &format!("must be 1 to {chars_max} characters without control characters"),
        ));
    }
    Ok(())
}

fn invalid(field: &str, what: &str) -> Error {
    Error::InvalidField { field: field.to_owned(), what: what.to_owned() }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    read_json(text).map_err(|flaw| match flaw {
        Flaw::Unreadable(what) => Error::Unreadable { what },
        Flaw::Field(field, what) => invalid(&field, what),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Abilities = Abilities { plays: true, transfers: true, hangs_up: true };

    fn orders(abilities: Abilities) -> Orders {
        Orders::new(vec![Channel::Caller, Channel::Agent], abilities)
    }

    fn play(mark: &str, encoding: &str) -> String {
        format!(r#"{{"type":"play","mark":"{mark}","encoding":"{encoding}","sample_rate":8000}}"#)
    }

    fn command(command: Command) -> Result<Option<Order>, Error> {
        Ok(Some(Order::Command(command)))
    }

    #[test]
    fn sound_is_played_under_the_name_that_was_announced_for_it() {
        for (encoding, bytes, first) in [
            ("pcm_s16le", &[0_u8, 0x40, 0, 0][..], 0.5),
            ("mulaw", &[0xff, 0xff], 0.0),
            ("alaw", &[0xd5, 0xd5], 0.0),
        ] {
            let mut orders = orders(ALL);
            assert_eq!(orders.text(&play("m1", encoding)), Ok(None));
            let Ok(Order::Command(Command::Play { samples, rate, mark })) = orders.sound(bytes) else {
                panic!("{encoding}")
            };
            assert_eq!((samples.len(), rate, mark.as_str()), (2, SampleRate::TELEPHONE, "m1"), "{encoding}");
            assert!((samples[0] - first).abs() < 1e-3, "{encoding}: {}", samples[0]);
            // One message of sound for each.
            assert_eq!(orders.sound(bytes).unwrap_err().code(), "out_of_order");
        }
    }

    #[test]
    fn each_message_becomes_its_order() {
        let mut orders = orders(ALL);
        assert_eq!(orders.text(r#"{"type":"flush"}"#), command(Command::Flush));
        assert_eq!(orders.text(r#"{"type":"hangup"}"#), command(Command::HangUp));
        let target = Redacted::from("sip:accueil@example.com");
        let transfer = r#"{"type":"transfer","target":"sip:accueil@example.com"}"#;
        assert_eq!(orders.text(transfer), command(Command::Transfer { target }));
        for (rest, track, expectation) in [
            (r#""what":"open""#, 0, Expectation::Open),
            (r#""what":"yes_no""#, 0, Expectation::YesNo),
            (r#""what":"digits""#, 0, Expectation::Digits { count: 0 }),
            (r#""what":"digits","count":6,"channel":"agent""#, 1, Expectation::Digits { count: 6 }),
            (r#""what":"phone""#, 0, Expectation::Phone),
            (r#""what":"email""#, 0, Expectation::Email),
            (r#""what":"address""#, 0, Expectation::Address),
            (r#""what":"spelling","channel":"caller""#, 0, Expectation::Spelling),
        ] {
            let expected = Ok(Some(Order::Expect { track, expectation }));
            assert_eq!(orders.text(&format!(r#"{{"type":"expect",{rest}}}"#)), expected, "{rest}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_the_next_message_is_taken() {
        let long = format!(r#"{{"type":"transfer","target":"{}"}}"#, "1".repeat(TARGET_CHARS_MAX + 1));
        for (message, code, field) in [
            ("", "unreadable", None),
            ("play", "unreadable", None),
            (r#"{"type":"flush"} {}"#, "unreadable", None),
            ("{}", "invalid_field", Some("type")),
            ("[]", "invalid_field", None),
            (r#"{"type":"dance"}"#, "invalid_field", Some("type")),
            (r#"{"type":"flush","now":true}"#, "invalid_field", Some("now")),
            (r#"{"type":"transfer"}"#, "invalid_field", Some("target")),
            (r#"{"type":"transfer","target":" "}"#, "invalid_field", Some("target")),
            (r#"{"type":"transfer","target":"1\n2"}"#, "invalid_field", Some("target")),
            (&long, "invalid_field", Some("target")),
            (
                r#"{"type":"play","mark":"m","encoding":"opus","sample_rate":8000}"#,
                "invalid_field",
                Some("encoding"),
            ),
            (
                r#"{"type":"play","mark":"m","encoding":"mulaw","sample_rate":4000}"#,
                "invalid_field",
                Some("sample_rate"),
            ),
            (r#"{"type":"play","mark":"m","encoding":"mulaw"}"#, "invalid_field", Some("sample_rate")),
            (&play("", "mulaw"), "invalid_field", Some("mark")),
            (&play("bot-1", "mulaw"), "invalid_field", Some("mark")),
            (&play("allo:1", "mulaw"), "invalid_field", Some("mark")),
            (r#"{"type":"expect","what":"love"}"#, "invalid_field", Some("what")),
            (r#"{"type":"expect","what":"digits","count":0}"#, "invalid_field", Some("count")),
            (r#"{"type":"expect","what":"phone","count":6}"#, "invalid_field", Some("count")),
            (r#"{"type":"expect","what":"open","channel":"bot"}"#, "invalid_field", Some("channel")),
            (&" ".repeat(TEXT_BYTES_MAX + 1), "too_large", None),
        ] {
            let mut orders = orders(ALL);
            let error = orders.text(message).unwrap_err();
            let told: serde_json::Value = serde_json::from_str(&error.json()).unwrap();
            assert_eq!(told["type"], "error", "{message}: {told}");
            assert_eq!(told["code"], code, "{message}: {told}");
            if let Some(field) = field {
                assert_eq!(told["field"], field, "{message}: {told}");
            }
            assert_eq!(orders.text(r#"{"type":"flush"}"#), command(Command::Flush), "{message}");
        }
    }

    #[test]
    fn sound_that_was_not_announced_or_is_none_is_refused() {
        let mut orders = orders(ALL);
        assert_eq!(orders.sound(&[0; 4]).unwrap_err().code(), "out_of_order");
        for (bytes, code) in [(0, "invalid_audio"), (3, "invalid_audio"), (8_000 * 2 * 60 + 2, "too_large")] {
            assert_eq!(orders.text(&play("m1", "pcm_s16le")), Ok(None));
            assert_eq!(orders.sound(&vec![0; bytes]).unwrap_err().code(), code, "{bytes}");
        }
        // The sound belongs to the newest announcement; a refused one has none, and a flush leaves none.
        assert_eq!(orders.text(&play("m1", "mulaw")), Ok(None));
        assert_eq!(orders.text(&play("m2", "mulaw")).unwrap_err().code(), "out_of_order");
        let Ok(Order::Command(Command::Play { mark, .. })) = orders.sound(&[0xff]) else { panic!() };
        assert_eq!(mark, "m2");
        for between in [play("bot-1", "mulaw"), play("m2", "mp3"), r#"{"type":"flush"}"#.to_owned()] {
            assert_eq!(orders.text(&play("m1", "mulaw")), Ok(None));
            drop(orders.text(&between));
            assert_eq!(orders.sound(&[0xff]).unwrap_err().code(), "out_of_order", "{between}");
        }
    }

    #[test]
    fn what_the_connection_of_the_call_cannot_do_is_refused_before_it_is_tried() {
        let mut orders = orders(Abilities::default());
        for message in [
            play("m1", "mulaw"),
            r#"{"type":"flush"}"#.to_owned(),
            r#"{"type":"hangup"}"#.to_owned(),
            r#"{"type":"transfer","target":"6001"}"#.to_owned(),
        ] {
            assert_eq!(orders.text(&message).unwrap_err().code(), "unsupported", "{message}");
        }
        // What turn-taking is told needs no connection.
        assert!(orders.text(r#"{"type":"expect","what":"phone"}"#).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_and_any_bytes_are_an_order_or_an_error(
            text in ".{0,200}",
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut orders = orders(ALL);
            if let Err(error) = orders.text(&text) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&error.json()).is_ok());
            }
            drop(orders.text(&play("m1", "mulaw")));
            drop(orders.sound(&bytes));
        }
    }
}
