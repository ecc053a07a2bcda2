//! The scenario, opened and changed while calls go on.
//!
//! The files are looked at from time to time: a changed folder is taken when it looked the same twice, so that a copy that is
//! under way is not read by half. A folder with mistakes is refused with all of them, and the scenario before stays. A changed
//! scenario is learnt on one core, which gives way to the recognisers.

use std::sync::{Arc, PoisonError};

use super::{Apologies, Bot, Error, Parts};
use crate::assistant::Assistant;
use crate::intent::Pace;
use crate::redact::Redacted;
use crate::scenario::Scenario;
use crate::voice::Voice;

/// What came of a look at the files, or of a wish to read them anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// Name of the scenario that new calls get.
    pub scenario: String,
    /// Its version.
    pub version: String,
    /// Whether it is another one than before.
    pub is_changed: bool,
}

/// Versions of the folder that need no second look.
#[derive(Debug)]
pub(super) struct Seen {
    /// The last one that was taken or refused.
    settled: String,
    /// One that was seen once.
    fresh: Option<String>,
}

impl Seen {
    pub(super) fn of(assistant: &Assistant) -> Self {
        Self { settled: assistant.understanding().version().to_owned(), fresh: None }
    }

    /// Whether the folder in `version` is to be read: it is new, and was the same when it was looked at before.
    fn is_due(&mut self, version: &str) -> bool {
        if version == self.settled {
            self.fresh = None;
            return false;
        }
        let was_fresh = self.fresh.as_deref() == Some(version);
        self.fresh = (!was_fresh).then(|| version.to_owned());
        was_fresh
    }
}

impl Bot {
    /// Reads the scenario anew. Calls that go on keep theirs, new ones get the new one.
    ///
    /// # Errors
    /// [`Error`]; the scenario before stays.
    pub async fn reload(&self) -> Result<Reloaded, Error> {
        let mut seen = self.reloading.lock().await;
        self.read_anew(&mut seen).await
    }

    /// Reads the scenario anew if its files have changed and stand still; `None` when there is nothing to do.
    ///
    /// # Errors
    /// As [`Bot::reload`], once for each version.
    pub async fn look(&self) -> Result<Option<Reloaded>, Error> {
        let mut seen = self.reloading.lock().await;
        let folder = self.parts.scenario.clone();
        let version = tokio::task::spawn_blocking(move || Scenario::version_of(&folder)).await;
        let version = version.map_err(|_| Error::BrokenOff)?;
        if seen.is_due(&version) { self.read_anew(&mut seen).await.map(Some) } else { Ok(None) }
    }

    async fn read_anew(&self, seen: &mut Seen) -> Result<Reloaded, Error> {
        let before = self.switch.current().understanding().version().to_owned();
        let folder = self.parts.scenario.clone();
        // A version that is refused is not read again until it changes.
        if let Ok(version) = tokio::task::spawn_blocking(move || Scenario::version_of(&folder)).await {
            *seen = Seen { settled: version, fresh: None };
        }
        let assistant = open(&self.parts, Arc::clone(&self.parts.pace)).await?;
        let apologies = apologies(&self.parts.voice, &assistant).await?;
        let version = assistant.understanding().version().to_owned();
        let scenario = assistant.plan().name.clone();
        *self.apologies.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(apologies);
        self.switch.change(assistant);
        tracing::info!(scenario, version, before, "new calls get this scenario");
        Ok(Reloaded { scenario, is_changed: version != before, version })
    }
}

/// Opens the scenario: seconds of work at `pace` where it was never learnt, on a thread that may block. Its sources belong to
/// this runtime.
pub(super) async fn open(parts: &Parts, pace: Arc<dyn Pace>) -> Result<Arc<Assistant>, Error> {
    let (folder, home, clock) = (parts.scenario.clone(), parts.home.clone(), Arc::clone(&parts.clock));
    let runtime = tokio::runtime::Handle::current();
    let open = move || runtime.block_on(Assistant::open_beside(&folder, &home, clock, pace));
    let opened = tokio::task::spawn_blocking(open).await;
    Ok(Arc::new(opened.map_err(|_| Error::BrokenOff)??))
}

/// Opens who speaks the languages of the scenario, and makes what is said when nothing else can be. A language that nobody
/// speaks is fatal only where it is the scenario's own.
pub(super) async fn apologies(voice: &Voice, assistant: &Arc<Assistant>) -> Result<Apologies, Error> {
    let (voice, assistant) = (voice.clone(), Arc::clone(assistant));
    let made = tokio::task::spawn_blocking(move || {
        let plan = assistant.plan();
        let mut apologies = Apologies::new();
        for language in plan.languages.iter().copied() {
            let text: Redacted<String> = Bot::apology_text(&assistant, language);
            // An apology that is a recording, or was kept from before the start, opens nobody: the first caller would wait.
            let opened = voice.warm_up(language);
            match voice.speak(&text, language).and_then(crate::voice::Speech::whole) {
                Ok(samples) => {
                    apologies.insert(language, (samples.into(), voice.rate()));
                    if let Err(error) = opened {
                        tracing::warn!(language = language.code(), %error, "only what is recorded or was spoken before is said");
                    }
                }
                Err(error) if language == plan.default_language => return Err(Error::from(error)),
                Err(error) => {
                    tracing::warn!(language = language.code(), %error, "a language of the scenario has no voice");
                }
            }
        }
        Ok(apologies)
    });
    made.await.map_err(|_| Error::BrokenOff)?
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::assistant::Switch;
    use crate::bot::config::Config;
    use crate::bot::figures::Figures;
    use crate::call::Language;
    use crate::clock::SystemClock;
    use crate::home::Home;
    use crate::intent::FullPace;
    use crate::pipeline::understanding::Understanding;
    use crate::tts::pico::Locale;

    /// Counts how often learning gave way.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Pace for Counting {
        fn takes_all_cores(&self) -> bool {
            false
        }

        fn give_way(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A scenario of two intents, one of them with the sentence `parcel`.
    fn write(scenario: &Path, parcel: &str) {
        fs::create_dir_all(scenario.join("intents")).expect("a folder");
        fs::create_dir_all(scenario.join("steps")).expect("a folder");
        fs::write(
            scenario.join("scenario.toml"),
            "name = \"a\"\nlanguages = [\"fr\"]\ndefault_language = \"fr\"\n[greeting]\nfr = \"Bonjour\"\n\
             [[routes]]\nid = \"r\"\nqueue = \"1\"\nlabel = { fr = \"R\" }\n[intents]\npayer = \"r\"\ncolis = \"r\"\n",
        )
        .expect("written");
        let rows = format!("text,intent,lang\nje veux payer,payer,fr\n{parcel},colis,fr\n");
        fs::write(scenario.join("intents/a.csv"), rows).expect("written");
    }

    #[tokio::test]
    async fn who_speaks_is_opened_before_the_first_call_although_the_apology_was_kept() {
        let models = Home::resolve(|name| std::env::var_os(name)).expect("a home").models().to_path_buf();
        if !models.join(Locale::FrFr.files()[0]).is_file() {
            assert!(std::env::var_os("CI").is_none(), "the Pico voices are not installed");
            eprintln!("skipped: no Pico voices in {}", models.display());
            return;
        }
        let root = tempfile::tempdir().expect("a folder");
        let scenario = root.path().join("scenario");
        write(&scenario, "où est mon colis");
        let home = Home::resolve(|name| match name {
            "ALLO_HOME" => Some(root.path().into()),
            "ALLO_MODELS" => Some(models.clone().into()),
            _ => None,
        });
        let home = home.expect("a home");
        let understanding = Understanding::open(&scenario).expect("it is a scenario");
        let assistant = Assistant::new(understanding, Arc::new(SystemClock)).await;
        let assistant = Arc::new(assistant.expect("it has no catalogues"));
        for is_kept in [false, true] {
            let voice = Voice::new(&crate::voice::config::Config::default(), &home).expect("a voice");
            assert!(!voice.is_warm(Language::Fr));
            apologies(&voice, &assistant).await.expect("French is spoken");
            assert_eq!(voice.counts().spoken == 0, is_kept);
            assert!(voice.is_warm(Language::Fr));
        }
    }

    #[tokio::test]
    async fn a_changed_scenario_is_learnt_beside_calls_and_the_first_one_at_full_pace() {
        let root = tempfile::tempdir().expect("a folder");
        let scenario = root.path().join("scenario");
        write(&scenario, "où est mon colis");
        let home = Home::resolve(|name| (name == "ALLO_HOME").then(|| root.path().into())).expect("a home");
        let pace = Arc::new(Counting::default());
        let parts = Parts {
            scenario: scenario.clone(),
            config: Config::default(),
            voice: Voice::new(&crate::voice::config::Config::default(), &home).expect("no index to read"),
            store: None,
            home,
            pace: Arc::<Counting>::clone(&pace),
            clock: Arc::new(SystemClock),
        };
        let assistant = open(&parts, Arc::new(FullPace)).await.expect("it is a scenario");
        assert_eq!(pace.0.load(Ordering::Relaxed), 0);
        let bot = Bot {
            reloading: tokio::sync::Mutex::new(Seen::of(&assistant)),
            switch: Switch::new(assistant),
            apologies: Mutex::default(),
            figures: Figures::default(),
            parts,
        };
        write(&scenario, "suivre mon paquet");
        // Where no voice is installed it is refused, but not before it was learnt.
        drop(bot.reload().await);
        assert!(pace.0.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn a_changed_folder_is_read_when_it_stands_still_and_once() {
        let mut seen = Seen { settled: "a".into(), fresh: None };
        assert!(!seen.is_due("a"));
        assert!(!seen.is_due("b"), "a copy may be under way");
        assert!(!seen.is_due("c"), "it was");
        assert!(seen.is_due("c"));
        seen.settled = "c".into();
        assert!(!seen.is_due("c"));
        assert!(!seen.is_due("d"));
        assert!(!seen.is_due("c"), "changed back");
        assert!(!seen.is_due("d") && seen.is_due("d"));
    }
}
