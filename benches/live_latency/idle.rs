//! Calls in which nobody speaks: what they cost.

use std::time::Duration;

use allo::audio::SampleRate;
use allo::call::{Channel, Language};
use allo::clock::{Clock as _, SystemClock};
use allo::live::replay::{FRAME, Pacer};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::{self, Message};

use super::clips::{Sound, silence};
use super::dial::{self, Heard, Socket};
use super::machine::{self, Process};
use super::server::Server;
use super::{play, say};

/// What is connected.
#[derive(Clone, Copy)]
pub struct Plan {
    pub calls: usize,
    pub length: Duration,
    /// The noise of a line instead of digital silence.
    pub noise: bool,
}

/// Time that settles what is made once: buffers, the batches of voice detection.
const SETTLED: Duration = Duration::from_secs(2);
/// What callers send beyond the end of the measurement, so that none of them hangs up within it.
const BEYOND: Duration = Duration::from_secs(1);
/// Peak of the white noise of an idle line; its level is -62 dBFS.
const NOISE_PEAK: f32 = 0.001_4;
/// How far the level of a line strays from its middle, up and down.
const SWING_DB: f32 = 6.0;

/// Connects calls to a service in a process of its own, each over a WebSocket with a frame every 20 ms, and measures that
/// process.
pub fn connected(plan: Plan) -> anyhow::Result<()> {
    let home = tempfile::tempdir()?;
    let server = Server::start(home.path(), |config| {
        config.live.admission = false;
        config.live.max_calls = plan.calls;
        let connections = &mut config.serve.limits.connections;
        *connections = plan.calls.max(*connections);
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(measure(&server, plan))
}

async fn measure(server: &Server, plan: Plan) -> anyhow::Result<()> {
    let process = server.process();
    let before_kb = process.resident_kb();
    let mut sockets = Vec::new();
    for _ in 0..plan.calls {
        sockets.push(dial::dial(server.address(), Language::Fr).await?);
    }
    let began = Instant::now() + FRAME;
    let frames = (SETTLED + plan.length + BEYOND).div_duration_f64(FRAME) as u32;
    let number = plan.calls.max(1) as u32;
    let callers: Vec<_> = (0..number)
        .zip(sockets)
        .map(|(index, socket)| {
            // The frames of different callers come at different times.
            let first = began + FRAME * index / number;
            tokio::spawn(speak(socket, Line::of_call(index, plan.noise), (first, frames)))
        })
        .collect();
    sleep_until(began + SETTLED).await;
    let (from, busy) = (Instant::now(), process.processor_time());
    sleep_until(began + SETTLED + plan.length).await;
    let share = (process.processor_time() - busy).div_duration_f64(from.elapsed());
    let resident_kb = process.resident_kb();
    let (mut heard, mut late) = (Heard::default(), Duration::ZERO);
    for caller in callers {
        let (of_call, of_frames) = caller.await??;
        heard.add(&of_call);
        late = late.max(of_frames);
    }
    say(&plan.line(share, resident_kb.saturating_sub(before_kb)));
    say(&format!(
        "{} turns were taken for speech, {} gaps; the latest frame was sent {} ms late",
        heard.turns,
        heard.gaps,
        late.as_millis()
    ));
    Ok(())
}

/// Sends the frames of a line, each when it is due, and hangs up. Gives by how much the latest one was late: what is sent
/// late, for want of a processor on this side, is measured as less work than it is.
async fn speak(
    socket: Socket,
    mut line: Line,
    (first, frames): (Instant, u32),
) -> anyhow::Result<(Heard, Duration)> {
    let (mut to, mut from) = socket.split();
    let send = async {
        let mut late = Duration::ZERO;
        for index in 0..frames {
            let due = first + FRAME * index;
            sleep_until(due).await;
            late = late.max(due.elapsed());
            to.send(Message::binary(dial::encode(&line.frame()))).await?;
        }
        to.send(dial::stop()).await?;
        Ok::<_, tungstenite::Error>(late)
    };
    let (late, heard) = tokio::join!(send, dial::listen(&mut from));
    // Why the service hung up says more than that it did.
    let heard = heard?;
    Ok((heard, late?))
}

/// Opens calls in this process and hands them decoded frames, the same to all: what listening costs without connections.
pub fn inside(plan: Plan) -> anyhow::Result<()> {
    let machine = machine::start(|config| {
        config.live.admission = false;
        config.live.max_calls = plan.calls;
    })?;
    let process = Process::own();
    let before_kb = process.resident_kb();
    let nothing = Sound { rate: SampleRate::TELEPHONE, channels: vec![(Channel::Caller, Vec::new())] };
    let calls: Vec<_> = (0..plan.calls)
        .map(|_| play::open(&machine.live, &nothing, Language::Fr))
        .collect::<Result<_, _>>()?;
    let mut line = Line::steady(plan.noise);
    let (pacer, clock) = (Pacer::default(), SystemClock);
    let settled = SETTLED.div_duration_f64(FRAME) as u32;
    let frames = plan.length.div_duration_f64(FRAME) as u32;
    let (began, mut busy) = (clock.monotonic(), process.processor_time());
    for index in 1..=frames + settled {
        pacer.wait_until(began + FRAME * index, &clock);
        let frame = line.frame();
        calls.iter().for_each(|call| call.audio(0, &frame));
        if index == settled {
            busy = process.processor_time();
        }
    }
    let share = (process.processor_time() - busy).div_duration_f64(FRAME * frames);
    say(&plan.line(share, process.resident_kb().saturating_sub(before_kb)));
    let snapshot = machine.live.snapshot();
    say(&format!(
        "windows: {} judged by the detector, {} as silence, {} as noise like before; samples dropped: {}",
        snapshot.windows, snapshot.windows_silent, snapshot.windows_steady, snapshot.samples_dropped
    ));
    Ok(())
}

impl Plan {
    /// What the calls cost: part of a core, and memory of all together.
    fn line(&self, share: f64, memory_kb: u64) -> String {
        format!(
            "{} calls, {}: {:.1} % of a core, {} kB each",
            self.calls,
            if self.noise { "line noise" } else { "digital silence" },
            share * 100.0,
            memory_kb / self.calls.max(1) as u64
        )
    }
}

/// The idle line of a call.
struct Line {
    seed: u32,
    noise: bool,
    frames: u32,
    swing: Option<Swing>,
}

/// How the level of a line strays.
struct Swing {
    period_s: f32,
    /// Where in the period it begins, 0 to 1.
    phase: f32,
}

impl Line {
    /// White noise of one level, or digital silence.
    fn steady(noise: bool) -> Self {
        Self { seed: 1, noise, frames: 0, swing: None }
    }

    /// That of a call: its own noise, at a level that strays slowly and not as that of another, or digital silence.
    fn of_call(index: u32, noise: bool) -> Self {
        // Neighbours get numbers that are far apart.
        let seed = (index + 1).wrapping_mul(2_654_435_761);
        let swing = Swing { period_s: 4.0 + ((seed >> 16) & 7) as f32, phase: (seed >> 20) as f32 / 4_096.0 };
        Self { seed, noise, frames: 0, swing: Some(swing) }
    }

    /// The next 20 ms.
    fn frame(&mut self) -> Vec<f32> {
        if !self.noise {
            return silence(SampleRate::TELEPHONE, FRAME.as_secs_f64());
        }
        let at_s = self.frames as f32 * FRAME.as_secs_f32();
        self.frames += 1;
        let level_db = self.swing.as_ref().map_or(0.0, |swing| {
            SWING_DB * (std::f32::consts::TAU * (at_s / swing.period_s + swing.phase)).sin()
        });
        let peak = NOISE_PEAK * 10.0_f32.powf(level_db / 20.0);
        (0..dial::FRAME_BYTES).map(|_| 2.0 * peak * self.next()).collect()
    }

    /// Between -0.5 and 0.5.
    fn next(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 8) as f32 / (1 << 24) as f32 - 0.5
    }
}
