//! Notifications: which were sent, which must come, and which have come. Each comes at most once.
//!
//! NIXL promises no order: "no ordering guarantee across transfer requests", and none for notifications that belong to no transfer
//! (docs/BackendGuide.md, sections on transfers and on notifications).

use std::collections::BTreeMap;

use super::Life;
use crate::scenario::Message;

/// A notification that was sent and has not come yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sent {
    message: Vec<u8>,
    /// It must come; else it may.
    certain: bool,
}

/// All mail by receiver and by the sender's name.
#[derive(Debug, Clone, Default)]
pub(super) struct Mail {
    sent: BTreeMap<(Life, String), Vec<Sent>>,
}

/// A notification in the words of the interpreter.
fn told(sender: &str, sent: &Sent) -> String {
    format!("{sender}: {}", Message(sent.message.clone()))
}

impl Mail {
    /// A notification is on its way: perhaps, or certainly.
    pub(super) fn send(&mut self, to: Life, sender: &str, message: &Message, certain: bool) {
        let sent = Sent {
            message: message.0.clone(),
            certain,
        };
        self.sent
            .entry((to, sender.to_owned()))
            .or_default()
            .push(sent);
    }

    /// One that was perhaps sent certainly was.
    pub(super) fn confirm(&mut self, to: Life, sender: &str, message: &Message) {
        let doubtful = |sent: &&mut Sent| !sent.certain && sent.message == message.0;
        if let Some(sent) = self
            .sent
            .get_mut(&(to, sender.to_owned()))
            .and_then(|all| all.iter_mut().find(doubtful))
        {
            sent.certain = true;
        }
    }

    /// One has come. False: it was not sent, or came before.
    pub(super) fn arrive(&mut self, at: Life, sender: &str, message: &[u8]) -> bool {
        let Some(all) = self.sent.get_mut(&(at, sender.to_owned())) else {
            return false;
        };
        let fits = |sent: &Sent| sent.message == message;
        let certain = all.iter().position(|sent| sent.certain && fits(sent));
        match certain.or_else(|| all.iter().position(fits)) {
            Some(index) => {
                all.remove(index);
                true
            }
            None => false,
        }
    }

    /// One has come, as `sender: message` in the words of the interpreter. False: it was not sent, or came before.
    pub(super) fn arrive_as_told(&mut self, at: Life, words: &str) -> bool {
        let mut found = None;
        for ((to, sender), all) in &self.sent {
            let fits = |sent: &&Sent| told(sender, sent) == words;
            if *to == at
                && let Some(sent) = all.iter().find(fits)
            {
                found = Some((sender.clone(), sent.message.clone()));
                break;
            }
        }
        found.is_some_and(|(sender, message)| self.arrive(at, &sender, &message))
    }

    /// This one was sent, perhaps, and has not come.
    pub(super) fn may_come(&self, at: Life, sender: &str, message: &Message) -> bool {
        let sent = self.sent.get(&(at, sender.to_owned()));
        sent.is_some_and(|all| all.iter().any(|sent| sent.message == message.0))
    }

    /// This one is certain to come.
    pub(super) fn is_due(&self, at: Life, sender: &str, message: &Message) -> bool {
        self.sent.get(&(at, sender.to_owned())).is_some_and(|all| {
            all.iter()
                .any(|sent| sent.certain && sent.message == message.0)
        })
    }

    /// The first notification that must still come to an agent, with its sender.
    pub(super) fn due(&self, at: Life) -> Option<(&str, &[u8])> {
        self.all_due(at).next()
    }

    /// The notifications that must still come to an agent, with their senders.
    pub(super) fn all_due(&self, at: Life) -> impl Iterator<Item = (&str, &[u8])> {
        let to_it = self.sent.iter().filter(move |((to, _), _)| *to == at);
        to_it.flat_map(|((_, sender), all)| {
            let certain = all.iter().filter(|sent| sent.certain);
            certain.map(|sent| (sender.as_str(), sent.message.as_slice()))
        })
    }

    /// What may come to an agent, in the words of the interpreter.
    pub(super) fn on_its_way(&self, at: Life) -> Vec<String> {
        let to_it = self.sent.iter().filter(|((to, _), _)| *to == at);
        to_it
            .flat_map(|((_, sender), all)| all.iter().map(move |sent| told(sender, sent)))
            .collect()
    }

    /// Nothing that is on its way is certain any more.
    pub(super) fn doubt(&mut self) {
        for sent in self.sent.values_mut().flatten() {
            sent.certain = false;
        }
    }
}
