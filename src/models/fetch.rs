//! Fetches one file over HTTP, going on where an earlier attempt stopped.
//!
//! What came so far lies in a `.part` file. A server that knows ranges continues it; one that does not starts it over.
//! Nothing here decides whether the content is right: the caller hashes it. The proxy variables of the environment
//! (`HTTPS_PROXY`, `NO_PROXY`, …) are honoured.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body};

use super::Error;
use super::digest::{CopyError, copy_bounded};
use crate::progress::Progress;

/// An unreachable host must not hold up the next source for long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any pause of a working connection; a stalled one is given up and resumed.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Attempts of one pull. Each goes on where the one before stopped, so a flaky line needs a few; a dead one fails fast.
const ATTEMPTS: u32 = 4;

const OK: u16 = 200;
const PARTIAL_CONTENT: u16 = 206;
const RANGE_NOT_SATISFIABLE: u16 = 416;

/// What to fetch.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) size_bytes: u64,
    /// Where it grows.
    pub(super) part: &'a Path,
}

/// How the part came to its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetched {
    /// All in this call.
    Fresh,
    /// The beginning was there already, so a wrong hash may come from an older file.
    Resumed,
}

/// Fetches `wanted` until its part has the declared size.
pub(super) fn fetch(wanted: &Wanted<'_>, progress: &Progress) -> Result<Fetched, Error> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        .accept_encoding("identity")
        .user_agent(concat!("allo/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(STALL_TIMEOUT))
        .timeout_per_read(Some(STALL_TIMEOUT))
        .build()
        .into();
    let mut part = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(wanted.part)
        .map_err(Error::io("open", wanted.part))?;
    let mut have = part.metadata().map_err(Error::io("read", wanted.part))?.len();
    if have > wanted.size_bytes {
        have = restart(&mut part, wanted)?;
    }
    let fetched = if have == 0 { Fetched::Fresh } else { Fetched::Resumed };
    let mut last = None;
    for _ in 0..ATTEMPTS {
        if have == wanted.size_bytes {
            return Ok(fetched);
        }
        match attempt(&agent, wanted, &mut part, progress) {
            Ok(()) => {}
            Err(error @ (Error::TooLong { .. } | Error::Io { .. })) => return Err(error),
            Err(error) => last = Some(error),
        }
        let reached = part.metadata().map_err(Error::io("read", wanted.part))?.len();
        let is_stuck = reached == have && last.is_some();
        have = reached;
        if is_stuck {
            break;
        }
    }
    if have == wanted.size_bytes {
        return Ok(fetched);
    }
    Err(last.unwrap_or_else(|| Error::Interrupted {
        url: wanted.url.to_owned(),
        got_bytes: have,
        expected_bytes: wanted.size_bytes,
    }))
}

/// One request; the part grows as far as the server goes.
fn attempt(agent: &Agent, wanted: &Wanted<'_>, part: &mut File, progress: &Progress) -> Result<(), Error> {
    let failed = |error| Error::Http { url: wanted.url.to_owned(), source: Box::new(error) };
    let have = part.seek(SeekFrom::End(0)).map_err(Error::io("read", wanted.part))?;
    let mut request = agent.get(wanted.url);
    if have > 0 {
        request = request.header("Range", format!("bytes={have}-"));
    }
    let response = request.call().map_err(failed)?;
    let start = match response.status().as_u16() {
        OK => restart(part, wanted)?,
        PARTIAL_CONTENT if range_start(&response) == Some(have) => have,
        PARTIAL_CONTENT | RANGE_NOT_SATISFIABLE => return restart(part, wanted).map(|_| ()),
        status => return Err(failed(ureq::Error::StatusCode(status))),
    };
    progress.set(start);
    let mut body = response.into_body().into_reader();
    let limit_bytes = wanted.size_bytes - start;
    let copied = copy_bounded(&mut body, part, limit_bytes, |bytes| progress.advance(bytes.len() as u64));
    match copied {
        Ok(_) => Ok(()),
        Err(CopyError::TooLong) => {
            restart(part, wanted)?;
            Err(Error::TooLong { what: wanted.url.to_owned(), expected_bytes: wanted.size_bytes })
        }
        Err(CopyError::Write(error)) => Err(Error::io("write", wanted.part)(error)),
        Err(CopyError::Read(error)) => Err(failed(ureq::Error::Io(error))),
    }
}

fn restart(part: &mut File, wanted: &Wanted<'_>) -> Result<u64, Error> {
    part.set_len(0).and_then(|()| part.rewind()).map_err(Error::io("write", wanted.part))?;
    Ok(0)
}

/// The first byte of `Content-Range: bytes 100-199/200`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let value = response.headers().get("content-range")?.to_str().ok()?;
    value.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}
