//! What holds whatever happens in whatever order.

use proptest::prelude::*;

use super::*;

/// One thing that may happen; numbers choose among what can.
#[derive(Debug, Clone, Copy)]
enum Step {
    Speaks,
    Interrupts,
    Says,
    Coughs,
    Presses,
    PressesHash,
    Listens,
    Transfers,
    HangsUp,
    NothingFollows,
    NotKept,
    Breaks,
    Early,
    Made,
    MadePart,
    VoiceBreaks,
    Heard,
    HandoverTold,
    Stays,
    NotAnswered,
    Waits,
    Passes,
}

const STEPS: [Step; 22] = [
    Step::Speaks,
    Step::Interrupts,
    Step::Says,
    Step::Coughs,
    Step::Presses,
    Step::PressesHash,
    Step::Listens,
    Step::Transfers,
    Step::HangsUp,
    Step::NothingFollows,
    Step::NotKept,
    Step::Breaks,
    Step::Early,
    Step::Made,
    Step::MadePart,
    Step::VoiceBreaks,
    Step::Heard,
    Step::HandoverTold,
    Step::Stays,
    Step::NotAnswered,
    Step::Waits,
    Step::Passes,
];

/// The world outside of the course: it answers only what was asked.
struct World {
    line: Line,
    is_asked: bool,
    is_making: bool,
    playing: Vec<String>,
    handing_over: bool,
    transfers_due: u32,
}

impl World {
    fn happens(&mut self, step: Step) {
        let line = &mut self.line;
        match step {
            Step::Speaks => line.speaks(),
            Step::Interrupts => line.interrupts(),
            Step::Says => line.says("ma facture"),
            Step::Coughs => line.coughs(),
            Step::Presses => line.presses('1'),
            Step::PressesHash => line.presses('#'),
            Step::Listens if self.is_asked => line.answers(&[say("Voici."), say("Autre chose ?"), listen()]),
            Step::Transfers if self.is_asked => line.answers(&[say("Je vous passe."), transfer()]),
            Step::HangsUp if self.is_asked => line.answers(&[say("Au revoir."), Action::HangUp]),
            Step::NothingFollows if self.is_asked => line.answers(&[]),
            Step::NotKept if self.is_asked => line.answers_with(&[listen()], &[], false),
            Step::Breaks if self.is_asked => line.course.lost(),
            Step::Early if self.is_asked => line.course.early(&[say("Un instant.")], line.now),
            Step::Made if self.is_making => {
                line.is_made(700);
                self.playing.extend(line.making.take());
            }
            Step::MadePart if self.is_making => {
                line.course.played(Duration::from_millis(500), false, line.now)
            }
            Step::VoiceBreaks if self.is_making => line.course.voice_failed(),
            Step::Heard => {
                if let Some(mark) = self.playing.pop() {
                    line.is_heard(&mark);
                }
            }
            Step::HandoverTold if self.handing_over => {
                let handover = Box::new(crate::call::handover::sample());
                line.told(&EventBody::HandedOver { handover });
            }
            Step::Stays => line.course.transferred(line.now),
            Step::NotAnswered => line.course.not_answered(),
            Step::Waits => {
                if line.course.next_deadline().is_some() {
                    line.waits();
                }
            }
            Step::Passes => line.passes(200),
            // Nothing of this can happen now.
            Step::Listens
            | Step::Transfers
            | Step::HangsUp
            | Step::NothingFollows
            | Step::NotKept
            | Step::Breaks
            | Step::Early
            | Step::Made
            | Step::MadePart
            | Step::VoiceBreaks
            | Step::HandoverTold => return,
        }
        let is_answer = matches!(
            step,
            Step::Listens
                | Step::Transfers
                | Step::HangsUp
                | Step::NothingFollows
                | Step::NotKept
                | Step::Breaks
        );
        self.is_asked &= !is_answer;
        self.is_making &= !matches!(step, Step::Made | Step::MadePart | Step::VoiceBreaks);
    }

    fn carries_out(&mut self) -> Vec<String> {
        let done = self.line.done();
        for what in &done {
            let kind = what.split(' ').next().unwrap_or_default();
            match kind {
                "ask" => {
                    assert!(!self.is_asked, "two questions at once");
                    self.is_asked = true;
                }
                "make" => {
                    assert!(!self.is_making, "two texts at once");
                    self.is_making = true;
                }
                "stop" => {
                    self.is_making = false;
                    self.playing.clear();
                }
                "hand" => {
                    self.handing_over = true;
                    self.transfers_due += 1;
                }
                "transfer" => {
                    assert!(self.transfers_due > 0, "a transfer of which nobody was told");
                    (self.handing_over, self.transfers_due) = (false, self.transfers_due - 1);
                }
                _ => {}
            }
        }
        done
    }
}

proptest! {
    #[test]
    fn one_question_and_one_text_at_a_time_and_no_transfer_that_was_not_told(
        steps in proptest::collection::vec(proptest::sample::select(&STEPS[..]), 1..80),
    ) {
        let mut world = World {
            line: Line::new(),
            is_asked: false,
            is_making: false,
            playing: Vec::new(),
            handing_over: false,
            transfers_due: 0,
        };
        world.line.course.begin();
        world.carries_out();
        for step in steps {
            world.happens(step);
            world.carries_out();
        }
        world.line.hangs_up();
        let mut done = world.carries_out();
        for _ in 0..2 {
            if world.is_asked {
                world.happens(Step::NothingFollows);
                done.extend(world.carries_out());
            }
        }
        prop_assert_eq!(done.last().map(String::as_str), Some("done"));
        world.line.passes(60_000);
        prop_assert_eq!(world.line.done(), Vec::<String>::new());
    }
}
