//! When frames leave, in simulated time.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::audio::SampleRate;
use crate::clock::{Clock, SystemClock};
use crate::ingress::pacing::{Pace, Pacer};

const FRAME: Duration = Duration::from_millis(20);

fn pacer(lead_ms: u64, burst_frames_max: u32) -> Pacer {
    let lead = Duration::from_millis(lead_ms);
    Pacer::new(Pace { frame_samples: 160, rate: SampleRate::TELEPHONE, lead, burst_frames_max })
}

fn origin() -> Instant {
    SystemClock.monotonic()
}

fn taken(pacer: &mut Pacer, now: Instant) -> usize {
    std::iter::from_fn(|| pacer.take(now)).count()
}

#[test]
fn the_nth_frame_is_due_at_the_start_plus_n_frames() {
    let (start, mut pacer) = (origin(), pacer(0, 5));
    assert_eq!(pacer.take(start), None, "nothing leaves before the run");
    pacer.run(start);
    for n in 0..1_000 {
        let due = start + FRAME * n;
        assert_eq!(pacer.next_deadline(), Some(due));
        assert_eq!(pacer.take(due), Some(due + FRAME));
        assert_eq!(pacer.take(due + FRAME - Duration::from_nanos(1)), None);
    }
}

#[test]
fn a_rate_that_does_not_divide_does_not_drift() {
    let rate = SampleRate::from_hz(11_025).unwrap();
    let mut pacer = Pacer::new(Pace { frame_samples: 220, rate, lead: Duration::ZERO, burst_frames_max: 1 });
    let start = origin();
    pacer.run(start);
    for _ in 0..11_025 {
        let due = pacer.next_deadline().unwrap();
        pacer.take(due).unwrap();
    }
    assert_eq!(pacer.next_deadline(), Some(start + Duration::from_secs(220)));
}

#[test]
fn with_a_lead_the_first_frames_leave_at_once_and_the_rest_at_the_pace() {
    let (start, mut pacer) = (origin(), pacer(200, 5));
    pacer.run(start);
    assert_eq!(taken(&mut pacer, start), 11, "what is heard within the next 200 ms");
    assert_eq!(taken(&mut pacer, start + FRAME), 1);
    assert_eq!(pacer.next_deadline(), Some(start + FRAME * 2));
}

#[test]
fn after_a_stall_a_few_frames_catch_up_and_the_run_moves() {
    let (start, mut pacer) = (origin(), pacer(0, 3));
    pacer.run(start);
    assert_eq!(taken(&mut pacer, start), 1);
    let late = start + Duration::from_secs(10);
    assert_eq!(taken(&mut pacer, late), 3);
    assert_eq!(pacer.next_deadline(), Some(late + FRAME));
}

#[test]
fn what_comes_after_a_pause_is_heard_after_what_left_before() {
    let (start, mut pacer) = (origin(), pacer(200, 5));
    pacer.run(start);
    assert_eq!(taken(&mut pacer, start), 11);
    pacer.pause();
    pacer.run(start + FRAME);
    assert_eq!(taken(&mut pacer, start + FRAME), 1, "the lead is not given a second time");
    pacer.flush();
    pacer.run(start + FRAME);
    assert_eq!(taken(&mut pacer, start + FRAME), 11, "a flushed peer has nothing any more");
}

#[test]
fn a_clock_that_goes_backwards_stands_still() {
    let (start, mut pacer) = (origin() + Duration::from_secs(1), pacer(0, 2));
    pacer.run(start);
    assert_eq!(taken(&mut pacer, start), 1);
    assert_eq!(taken(&mut pacer, start.checked_sub(Duration::from_millis(900)).unwrap()), 0);
    assert_eq!(taken(&mut pacer, start + FRAME), 1);
}

proptest! {
    #[test]
    fn no_frame_is_early_and_no_burst_is_longer_than_the_bound(
        steps_ms in proptest::collection::vec(0u64..150, 1..200),
        lead_ms in 0u64..400,
        burst in 1u32..8,
    ) {
        let start = origin();
        let mut pacer = pacer(lead_ms, burst);
        pacer.run(start);
        let (mut now, mut sent, mut heard) = (start, 0u64, start);
        for step in steps_ms {
            now += Duration::from_millis(step);
            let mut burst_now = 0;
            while let Some(until) = pacer.take(now) {
                prop_assert!(until >= heard, "frames are heard in order");
                prop_assert!(until >= now, "a frame is not heard before it leaves");
                heard = until;
                sent += 1;
                burst_now += 1;
            }
            let in_lead = lead_ms / 20 + 1;
            prop_assert!(burst_now <= in_lead + u64::from(burst), "{burst_now} frames at once");
            let elapsed_ms = u64::try_from((now - start).as_millis()).unwrap();
            prop_assert!(sent <= (elapsed_ms + lead_ms) / 20 + 1, "{sent} frames after {elapsed_ms} ms");
            prop_assert!(pacer.next_deadline().unwrap() > now, "a deadline that has come was served");
        }
    }

    #[test]
    fn a_driver_that_is_never_late_by_more_than_the_bound_loses_no_time(
        steps_ms in proptest::collection::vec(1u64..80, 1..200),
    ) {
        let start = origin();
        let mut pacer = pacer(0, 5);
        pacer.run(start);
        let (mut now, mut sent) = (start, 0u64);
        for step in steps_ms {
            now += Duration::from_millis(step);
            sent += taken(&mut pacer, now) as u64;
            let elapsed_ms = u64::try_from((now - start).as_millis()).unwrap();
            prop_assert_eq!(sent, elapsed_ms / 20 + 1);
        }
    }
}
