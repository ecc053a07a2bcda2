//! One question to the dialogue, on a thread that may block: the classifier works for some milliseconds.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::super::Bot;
use super::super::figures::Broken;
use crate::assistant::{Conversation, Event};
use crate::dialog::Action;
use crate::live::Controls;

/// What came of it.
pub(super) struct Thought {
    pub(super) conversation: Conversation,
    pub(super) actions: Vec<Action>,
    /// Which of them are words for the time of a look-up.
    pub(super) fillers: Vec<usize>,
    /// The names one of which the caller is asked for.
    pub(super) asked_for: Arc<[String]>,
    pub(super) is_kept: bool,
    /// Number of the turn.
    pub(super) number: u32,
}

/// Asks, keeps the decision and tells it, in this order.
pub(super) async fn think(
    mut conversation: Conversation,
    event: Event,
    (early, bot, controls): (mpsc::Sender<Vec<Action>>, &Bot, Controls),
) -> Thought {
    let mut fillers = Vec::new();
    let step = conversation
        .on_telling(event, |actions| {
            fillers.extend(actions.len().checked_sub(1));
            // Without it the caller waits in silence for a moment.
            drop(early.try_send(actions.to_vec()));
        })
        .await;
    bot.figures.decided(&step.record);
    let is_kept = match &bot.parts.store {
        Some(store) => match store.put_decision(&step.record).await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(call = %step.record.call, %error, "a decision could not be kept");
                bot.figures.broke(Broken::Record);
                false
            }
        },
        None => true,
    };
    let number = step.record.number;
    if is_kept {
        controls.decided(Box::new(step.record));
    }
    let asked_for = conversation.asked_for();
    Thought { conversation, actions: step.actions, fillers, asked_for, is_kept, number }
}
