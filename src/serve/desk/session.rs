//! Browsers that are signed in: a key was exchanged for a cookie.
//!
//! A page cannot put a key into the requests of an `EventSource`, and a key that lies in a browser lies there for ever. So
//! the form takes the key once; the browser keeps a random number that means nothing elsewhere, that scripts cannot read
//! (`HttpOnly`), that no other site's page can have sent (`SameSite=Strict`) and that ends with the shift. What is kept
//! here is its hash. A restart signs everybody out.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Uri, header};
use subtle::ConstantTimeEq as _;

use crate::redact::Redacted;
use crate::serve::keys::{self, NoRandomness};

/// Name of the cookie.
const COOKIE: &str = "allo_desk";
/// Browsers that are signed in at once; then the oldest is signed out.
const SESSIONS_MAX: usize = 1_024;

/// See the module.
#[derive(Debug)]
pub struct Sessions {
    length: Duration,
    /// The oldest first; all are equally long.
    open: Mutex<VecDeque<Session>>,
}

#[derive(Debug)]
struct Session {
    digest: [u8; 32],
    until: Instant,
}

impl Sessions {
    /// Nobody is signed in.
    pub fn new(length: Duration) -> Self {
        Self { length, open: Mutex::default() }
    }

    /// Signs a browser in; the token for its cookie.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn open(&self, now: Instant) -> Result<Redacted<String>, NoRandomness> {
        let token = keys::generate()?;
        let mut open = self.lock();
        if open.len() >= SESSIONS_MAX {
            open.pop_front();
        }
        open.push_back(Session { digest: keys::digest(token.reveal()), until: now + self.length });
        Ok(token)
    }

    /// How long the session of a token still lasts; `None` when there is none.
    pub fn lasts(&self, token: &Redacted<String>, now: Instant) -> Option<Duration> {
        let mut open = self.lock();
        while open.front().is_some_and(|oldest| oldest.until <= now) {
            open.pop_front();
        }
        let shown = keys::digest(token.reveal());
        let mut until = None;
        // No early end: the place of a session must not show in the time of the answer.
        for session in open.iter() {
            if bool::from(session.digest.ct_eq(&shown)) {
                until = Some(session.until);
            }
        }
        until.map(|until| until.saturating_duration_since(now))
    }

    /// Signs a browser out.
    pub fn close(&self, token: &Redacted<String>) {
        let shown = keys::digest(token.reveal());
        self.lock().retain(|session| !bool::from(session.digest.ct_eq(&shown)));
    }

    /// The content of `Set-Cookie` that signs a browser in, or out without a token. `is_secure`: over TLS only.
    pub fn cookie(&self, token: Option<&Redacted<String>>, is_secure: bool) -> String {
        let (value, seconds) =
            token.map_or(("", 0), |token| (token.reveal().as_str(), self.length.as_secs()));
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token that a request shows.
pub fn shown(headers: &HeaderMap) -> Option<Redacted<String>> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| Redacted::from(value))
}

/// Whether a form was sent from a page of this service: browsers say where a form comes from, in one header or the other.
/// Another site must not be able to sign somebody in or out.
pub fn is_own_form(headers: &HeaderMap, uri: &Uri) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let host = text("host").or_else(|| uri.authority().map(|authority| authority.as_str()));
    text("origin").is_none_or(|origin| crate::serve::access::is_same(origin, host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, SystemClock};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_session_ends_with_its_time_and_when_it_is_closed() {
        let (sessions, now) = (Sessions::new(Duration::from_secs(60)), SystemClock.monotonic());
        let (one, other) =
            (sessions.open(now).unwrap(), sessions.open(now + Duration::from_secs(30)).unwrap());
        assert_ne!(one, other);
        assert_eq!(sessions.lasts(&one, now + Duration::from_secs(50)), Some(Duration::from_secs(10)));
        assert_eq!(sessions.lasts(&one, now + Duration::from_secs(60)), None);
        assert_eq!(sessions.lasts(&other, now + Duration::from_secs(60)), Some(Duration::from_secs(30)));
        sessions.close(&other);
        assert_eq!(sessions.lasts(&other, now), None);
        assert_eq!(sessions.lasts(&Redacted::from("made up"), now), None);
    }

    #[test]
    fn there_are_never_more_than_the_bound() {
        let (sessions, now) = (Sessions::new(Duration::from_secs(60)), SystemClock.monotonic());
        let first = sessions.open(now).unwrap();
        let all: Vec<_> = (0..SESSIONS_MAX).map(|_| sessions.open(now).unwrap()).collect();
        assert_eq!(sessions.lasts(&first, now), None);
        assert!(all.iter().all(|token| sessions.lasts(token, now).is_some()));
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let (sessions, now) = (Sessions::new(Duration::from_secs(60)), SystemClock.monotonic());
        let token = sessions.open(now).unwrap();
        let cookie = sessions.cookie(Some(&token), true);
        for part in ["; HttpOnly", "; SameSite=Strict", "; Secure", "; Max-Age=60"] {
            assert!(cookie.contains(part), "{part}");
        }
        assert!(sessions.cookie(None, false).contains("Max-Age=0"));
        let pair = cookie.split(';').next().unwrap();
        assert_eq!(shown(&headers(&[("cookie", &format!("a=b; {pair}"))])), Some(token));
        assert_eq!(shown(&headers(&[("cookie", "allo_desk2=x")])), None);
    }

    #[test]
    fn only_a_form_of_this_service_signs_in() {
        for (pairs, is_own) in [
            (&[("host", "desk.example.com"), ("origin", "https://desk.example.com")][..], true),
            (&[("host", "desk.example.com"), ("origin", "https://elsewhere.example.com")], false),
            (&[("host", "desk.example.com"), ("origin", "null")], false),
            (
                &[
                    ("host", "inner:8470"),
                    ("origin", "https://desk.example.com"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (&[("host", "desk.example.com"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "desk.example.com")], true),
        ] {
            assert_eq!(is_own_form(&headers(pairs), &Uri::from_static("/desk/sign-in")), is_own, "{pairs:?}");
        }
    }
}
