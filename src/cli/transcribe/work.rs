//! What of the inputs is left to do: what earlier runs wrote, and with --store also kept, is left out.

use std::collections::BTreeSet;

use super::{Arguments, count, result_path};
use crate::call::CallRecord;
use crate::cli::Context;
use crate::cli::results::{Earlier, Results};
use crate::cli::terminal::say;
use crate::pipeline::analyse;
use crate::pipeline::inputs::InputFile;
use crate::store::Store;

/// The store with what drives it.
pub(super) struct Archive {
    runtime: tokio::runtime::Runtime,
    store: Store,
}

impl Archive {
    pub(super) fn open(context: &Context) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let store = runtime.block_on(Store::open(&context.home.store_file()))?;
        Ok(Self { runtime, store })
    }

    pub(super) fn put(&self, record: &CallRecord) -> anyhow::Result<()> {
        self.runtime.block_on(self.store.put_call(record))?;
        Ok(())
    }

    fn holds(&self, content_hash: &[u8; 32]) -> anyhow::Result<bool> {
        Ok(self.runtime.block_on(self.store.has_recording(content_hash))?)
    }
}

/// What of a folder is left to do.
pub(super) struct Work {
    pub(super) to_do: Vec<InputFile>,
    /// Recordings that were done and found damaged in an earlier run, in words.
    pub(super) damaged: Vec<String>,
}

impl Work {
    /// Leaves out what earlier runs did: result written and, with --store, call kept.
    pub(super) fn sort_out(
        arguments: &Arguments,
        files: Vec<InputFile>,
        results: &Results,
        store: Option<&Archive>,
    ) -> anyhow::Result<Self> {
        let total = files.len();
        let mut work = Self { to_do: Vec::new(), damaged: Vec::new() };
        let mut seen = BTreeSet::new();
        for file in files {
            if !seen.insert(file.relative.clone()) {
                continue;
            }
            let earlier = match arguments.force {
                true => Earlier::ToDo,
                false => results.earlier(&file.path, &result_path(&file, arguments.format)),
            };
            let is_kept = match (store, &earlier) {
                (None, _) | (_, Earlier::ToDo) => true,
                // One that cannot be read is not kept: working on it names it.
                (Some(store), Earlier::Done | Earlier::Damaged(_)) => {
                    analyse::content_hash(&file.path).map_or(Ok(false), |hash| store.holds(&hash))?
                }
            };
            match earlier {
                Earlier::Done if is_kept => {}
                Earlier::Damaged(damage) if is_kept => work.damaged.push(damage),
                Earlier::Done | Earlier::Damaged(_) | Earlier::ToDo => work.to_do.push(file),
            }
        }
        if work.to_do.len() < total
            && let Some(folder) = &arguments.output
        {
            let done = count(total - work.to_do.len(), "recording");
            say(&format!("{done} already done in `{}`", folder.display()));
        }
        Ok(work)
    }
}
