//! Several client threads at once.

use std::thread;

use super::reply::{Played, Reply, Stop, skip};
use super::wait::Wait;
use super::world::World;
use crate::nixl::capi::{Agent, Api, NotifMap, RegDlist, Status, XferReq};
use crate::scenario::*;

/// How often a thread registers its memory, or asks for notifications.
const ROUNDS: u32 = 8;

/// What a thread has to do, with all that it needs.
enum Job<'a> {
    Transfer(&'a mut XferReq, Vec<&'a Agent>, Wait),
    Notifs(&'a Agent),
    Register(&'a Agent, RegDlist),
}

/// Notifications that a thread took: which of its agents got them, from whom, what.
type Taken = Vec<(usize, String, Vec<Vec<u8>>)>;

impl World {
    pub(super) fn together(&mut self, lanes: &[Lane]) -> Played {
        let lanes = &lanes[..lanes.len().min(LANES_MAX)];
        if let Some(slot) = self.missing(lanes) {
            return skip(format!(
                "{slot} is not there for a thread, or for two of them"
            ));
        }
        let lists = lanes.iter().map(|lane| match lane {
            Lane::Register(_, desc) => self.reg_list(&[*desc]).map(Some),
            _ => Ok(None),
        });
        let mut lists = lists.collect::<Result<Vec<_>, Stop>>()?.into_iter();
        let (api, patience) = (self.api, self.patience);
        // Every thread with a transfer polls all agents, as a lone client does while it waits.
        let slots: Vec<AgentSlot> = self.agents.keys().copied().collect();
        let everyone: Vec<&Agent> = self.agents.values().map(|held| &held.agent).collect();
        let mut requests: Vec<_> = self.transfers.iter_mut().collect();
        let mut jobs = Vec::new();
        for lane in lanes {
            let place = |agent: &AgentSlot| slots.iter().position(|slot| slot == agent);
            let list = lists.next().flatten();
            jobs.push(match (lane, list) {
                (Lane::Transfer(slot), _) => {
                    let Some(index) = requests.iter().position(|(known, _)| *known == slot) else {
                        return skip(format!("{slot} is empty"));
                    };
                    let (_, held) = requests.swap_remove(index);
                    let wait = Wait::new(patience, true);
                    Job::Transfer(&mut held.request, everyone.clone(), wait)
                }
                (Lane::Register(agent, _), Some(list)) => match place(agent) {
                    Some(place) => Job::Register(everyone[place], list),
                    None => return skip(format!("{agent} is empty")),
                },
                (Lane::Notifs(agent) | Lane::Register(agent, _), _) => match place(agent) {
                    Some(place) => Job::Notifs(everyone[place]),
                    None => return skip(format!("{agent} is empty")),
                },
            });
        }
        let done: Vec<(Taken, Result<(), Stop>)> = thread::scope(|scope| {
            let threads: Vec<_> = jobs
                .into_iter()
                .map(|job| scope.spawn(move || job.run(api)))
                .collect();
            let lost = || {
                (
                    Vec::new(),
                    Err(Stop::Wrong("a client thread panicked".to_owned())),
                )
            };
            let join =
                |thread: thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|_| lost());
            threads.into_iter().map(join).collect()
        });
        let mut result = Ok(Reply::done());
        for ((taken, ended), lane) in done.into_iter().zip(lanes) {
            for (place, sender, messages) in taken {
                let receiver = match lane {
                    Lane::Transfer(_) => slots[place],
                    Lane::Notifs(agent) | Lane::Register(agent, _) => *agent,
                };
                self.inboxes
                    .entry((receiver, sender))
                    .or_default()
                    .extend(messages);
            }
            if let Err(stop) = ended
                && result.is_ok()
            {
                result = Err(stop);
            }
        }
        result
    }

    /// Something that a thread needs and that is not there, or that two threads would have.
    fn missing(&self, lanes: &[Lane]) -> Option<String> {
        let twice = |index: usize| lanes[..index].contains(&lanes[index]);
        lanes.iter().enumerate().find_map(|(index, lane)| {
            let there = match lane {
                Lane::Transfer(slot) => self.transfers.contains_key(slot),
                Lane::Notifs(agent) => self.agents.contains_key(agent),
                Lane::Register(agent, desc) => {
                    self.agents.contains_key(agent) && self.regions.contains_key(&desc.region)
                }
            };
            let shared = twice(index) && matches!(lane, Lane::Transfer(_));
            (!there || shared).then(|| lane.to_string())
        })
    }
}

impl Job<'_> {
    /// Does it; what came meanwhile, and how it ended.
    fn run(self, api: &'static Api) -> (Taken, Result<(), Stop>) {
        let mut taken = Taken::new();
        let ended = match self {
            Job::Transfer(request, everyone, wait) => {
                transfer(api, request, &everyone, wait, &mut taken)
            }
            Job::Notifs(agent) => {
                (0..ROUNDS).try_for_each(|_| notifications(api, agent, 0, &mut taken))
            }
            Job::Register(agent, list) => (0..ROUNDS).try_for_each(|_| {
                agent.register(&list, None)?;
                agent.deregister(&list, None)?;
                Ok(())
            }),
        };
        (taken, ended)
    }
}

fn transfer(
    api: &'static Api,
    request: &mut XferReq,
    everyone: &[&Agent],
    mut wait: Wait,
    taken: &mut Taken,
) -> Result<(), Stop> {
    let mut status = request.post(None)?;
    while status == Status::InProgress {
        if wait.is_over() {
            return Err(Stop::TimedOut(
                "a transfer to be done in its thread".to_owned(),
            ));
        }
        for (place, agent) in everyone.iter().enumerate() {
            // A poll that fails is not what this thread is about.
            let _ = notifications(api, agent, place, taken);
        }
        wait.polled();
        status = request.status()?;
    }
    Ok(())
}

fn notifications(
    api: &'static Api,
    agent: &Agent,
    place: usize,
    taken: &mut Taken,
) -> Result<(), Stop> {
    let mut map = NotifMap::new(api)?;
    let polled = agent.notifications(&mut map, None);
    // Even a poll that failed may have brought something before it did.
    if !map.is_empty()? {
        let entries = map.entries()?;
        taken.extend(
            entries
                .into_iter()
                .map(|(sender, messages)| (place, sender, messages)),
        );
    }
    polled?;
    Ok(())
}
