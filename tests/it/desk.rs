//! The page of a team as people see it: in Chromium, with calls that come, are spoken in, are taken and end.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use allo::audio::SamplePos;
use allo::call::Channel;
use allo::call::event::EventBody;
use allo::call::handover::Handover;
use allo::live::Call;
use tokio::runtime::Runtime;

use crate::hosted::{Hosted, Wanted, end, hand_over, spoken, tell};
use crate::serve::python;

const KEY: &str = "a-key-for-this-test-only";

/// Everything that a page could take for markup, said or stored by somebody hostile.
fn hostile(handover: &mut Handover) {
    handover.words = Some("<script>window.taken=1</script><img src=x onerror=\"window.taken=1\">".into());
    handover.customer = BTreeMap::from([("nom".to_owned(), "<b>Zoé</b>".into())]);
    handover.steps = Some(
        "## <script>window.taken=1</script>\n\n- <img src=x onerror=window.taken=1>\n\
         - [oui](javascript:window.taken=1)\n- [avoirs](https://intranet.example.com/avoirs)\n"
            .to_owned(),
    );
}

/// The calls of the test, oldest first.
struct Calls<'a> {
    hosted: &'a Hosted,
    calls: Vec<Call>,
}

impl Calls<'_> {
    /// Does what the script asks for.
    fn act(&mut self, what: &str) {
        match what {
            "hand over" => {
                let call = self.hosted.open_call();
                let text = "Allo, service client, bonjour. Que puis-je faire pour vous ?".into();
                tell(&call, EventBody::BotSaid { text, mark: "hello".into() });
                tell(&call, spoken(1, "Bonjour, ma facture de mars est beaucoup trop élevée."));
                hand_over(&call, |_| {});
                self.calls.push(call);
            }
            "hostile" => {
                let call = self.hosted.open_call();
                hand_over(&call, hostile);
                self.calls.push(call);
            }
            "other team" => {
                let call = self.hosted.open_call();
                hand_over(&call, |handover| handover.route = "sav".to_owned());
                self.calls.push(call);
            }
            "partial" => {
                let (stable, unstable) = ("et je".into(), "voudrais".into());
                let start = SamplePos::ZERO;
                let channel = Channel::Caller;
                tell(
                    &self.calls[0],
                    EventBody::TranscriptPartial { channel, turn: 2, start, stable, unstable },
                );
            }
            "final" => tell(&self.calls[0], spoken(2, "et je voudrais un avoir.")),
            "take" => {
                let at = SamplePos::ZERO;
                tell(&self.calls[0], EventBody::SpeechStarted { channel: Channel::Agent, turn: 1, at });
            }
            "end" => end(self.calls.remove(0)),
            other => panic!("the script asks for `{other}`"),
        }
    }
}

#[test]
fn a_team_sees_its_calls_come_grow_and_leave_and_nobody_else_does() {
    let runtime = Runtime::new().unwrap();
    let hosted = Hosted::start(runtime, Wanted { key: Some(KEY), ..Wanted::default() });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/desk.py");
    let mut command = Command::new(python());
    command.arg(script).args([&hosted.address, KEY]);
    // For whoever wants to look at it.
    command.args(std::env::var_os("ALLO_SCREENSHOTS"));
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut answers = process.stdin.take().unwrap();
    let mut calls = Calls { hosted: &hosted, calls: Vec::new() };
    for what in BufReader::new(process.stdout.take().unwrap()).lines() {
        calls.act(&what.unwrap());
        answers.write_all(b"done\n").unwrap();
    }
    assert!(process.wait().unwrap().success(), "what went wrong is on stderr");
    drop(calls);
    assert!(hosted.stop(), "no page holds the service up when it stops");
}
