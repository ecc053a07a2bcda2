//! Many short calls over the sockets of a service, some at a time: does its memory stay where it was?

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;

use allo::audio::SampleRate;
use allo::call::{Channel, Language};
use allo::clock::{Clock as _, SystemClock};
use futures_util::{SinkExt as _, StreamExt as _, stream};
use tokio_tungstenite::tungstenite::{self, Message};

use super::clips::{self, silence};
use super::dial::{self, FRAME_BYTES, Heard};
use super::say;
use super::server::Server;

/// Calls after which memory is looked at, each time when all have ended. After the first time everything was made that is
/// made once, and as many ended calls are kept as ever will be.
const STEP: usize = 100;
/// Growth from the first look to the last one that is a leak, in percent.
const GROWTH_MAX: f64 = 5.0;
/// Speech of a call, at most. A whole call is shorter than `live.waiting_audio`, so that none of it makes room however fast
/// it comes.
const SPEECH_S: f64 = 3.0;
/// Silence in front of what is said, and behind it: longer than `turn.unasked_delay`, so that turns end as they do.
const BEFORE_S: f64 = 0.3;
const AFTER_S: f64 = 1.0;

/// One call as it is sent.
struct Said {
    sound: Vec<u8>,
    language: Language,
}

/// Makes `number` calls, `at_once` at a time, each with up to three seconds of a caller of the fixture calls.
///
/// They are live calls and not paced: the service takes what comes as soon as it can.
pub fn run(number: usize, at_once: usize) -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    // The second start finds the scenario learnt: what learning takes is no part of what is measured.
    drop(start(home.path())?);
    let server = start(home.path())?;
    let (process, said) = (server.process(), utterances()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let began = SystemClock.monotonic();
    let (mut heard, mut looks, mut ended) = (Heard::default(), Vec::new(), 0);
    say("calls | resident kB");
    while ended < number {
        let next = number.min(ended + STEP);
        let calls = (ended..next).map(|index| &said[index % said.len()]).collect();
        heard.add(&runtime.block_on(together(server.address(), calls, at_once))?);
        ended = next;
        let resident_kb = process.resident_kb();
        say(&format!("{ended} | {resident_kb}"));
        looks.push(resident_kb);
    }
    let took = SystemClock.monotonic().duration_since(began);
    say(&format!(
        "{number} calls, {at_once} at a time, in {:.0} s: {} finals, {} gaps",
        took.as_secs_f64(),
        heard.finals,
        heard.gaps
    ));
    anyhow::ensure!(
        heard.gaps == 0,
        "sound was not heard: calls were not what they are, and neither is the memory"
    );
    judge(&looks)
}

/// Whether memory stayed where it was.
fn judge(looks: &[u64]) -> anyhow::Result<()> {
    let [first, .., last] = looks else {
        say("too few calls to say whether memory grows");
        return Ok(());
    };
    anyhow::ensure!(*first > 0, "the memory of a process cannot be read here: this needs Linux");
    let growth = 100.0 * (*last as f64 / *first as f64 - 1.0);
    say(&format!("memory after the last call against that after call {STEP}: {growth:+.1} %"));
    anyhow::ensure!(growth <= GROWTH_MAX, "memory grew by {growth:.1} %, at most {GROWTH_MAX} % are borne");
    Ok(())
}

fn start(home: &Path) -> anyhow::Result<Server> {
    Server::start(home, |config| {
        // The load is what is wanted here, and none of the calls may be refused for it.
        config.live.admission = false;
        config.intent.scenario = Some(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/telecom-fr").into());
    })
}

/// Makes calls, `at_once` at a time, and waits until all have ended.
async fn together(address: SocketAddr, calls: Vec<&Said>, at_once: usize) -> anyhow::Result<Heard> {
    let mut heard = Heard::default();
    let calls = stream::iter(calls).map(|said| call(address, said)).buffer_unordered(at_once.max(1));
    let mut calls = pin!(calls);
    while let Some(of_call) = calls.next().await {
        heard.add(&of_call?);
    }
    Ok(heard)
}

async fn call(address: SocketAddr, said: &Said) -> anyhow::Result<Heard> {
    let (mut to, mut from) = dial::dial(address, said.language).await?.split();
    let speak = async {
        for frame in said.sound.chunks(FRAME_BYTES) {
            to.send(Message::binary(frame.to_vec())).await?;
        }
        to.send(dial::stop()).await?;
        Ok::<_, tungstenite::Error>(())
    };
    let (spoken, heard) = tokio::join!(speak, dial::listen(&mut from));
    // Why the service hung up says more than that it did.
    let heard = heard?;
    spoken?;
    Ok(heard)
}

/// Every utterance of the callers of the fixture calls, as a call of its own.
fn utterances() -> anyhow::Result<Vec<Said>> {
    let rate = SampleRate::TELEPHONE;
    let mut said = Vec::new();
    for clip in clips::load(None, usize::MAX)? {
        for mut piece in clip.pieces(Channel::Caller)? {
            piece.truncate((SPEECH_S * f64::from(rate.hz())) as usize);
            let samples = [silence(rate, BEFORE_S), piece, silence(rate, AFTER_S)].concat();
            said.push(Said { sound: dial::encode(&samples), language: clip.language });
        }
    }
    anyhow::ensure!(!said.is_empty(), "no caller says anything in fixtures/audio");
    Ok(said)
}
