//! Metadata: taken, loaded, forgotten, sent through listener threads.

use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Range;

use super::reply::{Played, Reply, Stop, skip};
use super::world::{World, held};
use crate::nixl::capi::{CallError, MemType, OptArgs, Status, XferDlist};
use crate::nixl::metadata::fields;
use crate::scenario::*;

/// What a blob may grow to by being spliced with itself. The blobs of the largest scenarios have a tenth of that.
const BLOB_BYTES_MAX: usize = 1 << 16;

/// So many bytes from a place on, of those that there are; the place is wrapped.
fn piece_of(len: usize, at: u32, count: u32) -> Range<usize> {
    let at = at as usize % len;
    at..at.saturating_add(count as usize).min(len)
}

/// Puts bytes over others; what would go beyond the end is left out.
fn overwrite(bytes: &mut [u8], at: u32, new: &[u8]) {
    let at = at as usize % bytes.len();
    for (byte, new) in bytes[at..].iter_mut().zip(new) {
        *byte = *new;
    }
}

impl World {
    pub(super) fn get_md(&mut self, blob: BlobSlot, agent: AgentSlot) -> Played {
        let bytes = self.held_agent(agent)?.agent.local_metadata()?;
        Ok(self.keep(blob, bytes))
    }

    pub(super) fn get_partial_md(
        &mut self,
        blob: BlobSlot,
        agent: AgentSlot,
        descs: &[Desc],
        backend: Option<BackendSlot>,
    ) -> Played {
        let owner = self.held_agent(agent)?;
        let (list, args) = (self.reg_list(descs)?, self.limited_to(agent, backend)?);
        let bytes = owner.agent.local_partial_metadata(&list, args.as_ref())?;
        Ok(self.keep(blob, bytes))
    }

    fn keep(&mut self, blob: BlobSlot, bytes: Vec<u8>) -> Reply {
        let reply = Reply::done().measured(format!("{} bytes", bytes.len()));
        let reply = fields(&bytes)
            .iter()
            .fold(reply, |reply, field| reply.measured(field.to_string()));
        self.blobs.insert(blob, bytes);
        reply
    }

    pub(super) fn cut_md(&mut self, blob: BlobSlot, len: u32) -> Played {
        let bytes = self.some_bytes(blob)?;
        bytes.truncate(len as usize % bytes.len());
        Ok(Reply::done())
    }

    pub(super) fn change_md(&mut self, blob: BlobSlot, at: u32, mask: u8) -> Played {
        let bytes = self.some_bytes(blob)?;
        let at = at as usize % bytes.len();
        bytes[at] ^= mask;
        Ok(Reply::done())
    }

    pub(super) fn write_md(&mut self, blob: BlobSlot, at: u32, new: &Message) -> Played {
        overwrite(self.some_bytes(blob)?, at, &new.0);
        Ok(Reply::done())
    }

    pub(super) fn splice_md(
        &mut self,
        blob: BlobSlot,
        at: u32,
        cut: u32,
        from: BlobSlot,
        start: u32,
        count: u32,
    ) -> Played {
        let source = self.some_bytes(from)?;
        let piece = source[piece_of(source.len(), start, count)].to_vec();
        let bytes = self.some_bytes(blob)?;
        if bytes.len() + piece.len() > BLOB_BYTES_MAX {
            return skip(format!(
                "{blob} would have more than {BLOB_BYTES_MAX} bytes"
            ));
        }
        bytes.splice(piece_of(bytes.len(), at, cut), piece);
        Ok(Reply::done())
    }

    /// A blob that is not empty.
    fn some_bytes(&mut self, blob: BlobSlot) -> Result<&mut Vec<u8>, Stop> {
        match self.blobs.get_mut(&blob) {
            Some(bytes) if !bytes.is_empty() => Ok(bytes),
            _ => skip(format!("{blob} is empty")),
        }
    }

    /// A peer that does not speak NIXL's protocol.
    pub(super) fn intrude(&mut self, agent: AgentSlot, bytes: &Message) -> Played {
        let Some(port) = self.held_agent(agent)?.port else {
            return skip(format!("{agent} has no listener thread"));
        };
        let sent = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .and_then(|mut stream| stream.write_all(&bytes.0));
        // A listener that hangs up early has every right to.
        Ok(Reply::done().measured(format!("{sent:?}")))
    }

    pub(super) fn load_md(&mut self, agent: AgentSlot, blob: BlobSlot) -> Played {
        let bytes = held(&self.blobs, blob)?;
        let name = self.held_agent(agent)?.agent.load_remote_metadata(bytes)?;
        // Of several agents with this name, one after the other, any will do: only the name counts.
        let owner = self
            .names
            .iter()
            .rev()
            .find(|(_, known)| **known == name)
            .map(|(slot, _)| *slot);
        if let Some(owner) = owner.filter(|owner| *owner != agent) {
            self.loaded.insert((agent, owner));
        }
        Ok(Reply::done().answer(name))
    }

    pub(super) fn invalidate(&mut self, agent: AgentSlot, remote: AgentSlot) -> Played {
        self.loaded.remove(&(agent, remote));
        let name = self.name_of(remote)?;
        let status = self
            .held_agent(agent)?
            .agent
            .invalidate_remote_metadata(name)?;
        Ok(Reply::status(status))
    }

    pub(super) fn check_md(
        &mut self,
        agent: AgentSlot,
        remote: AgentSlot,
        descs: &[Desc],
    ) -> Played {
        let list = match descs {
            [] => None,
            descs => Some(self.xfer_list(descs)?),
        };
        Ok(Reply::status(self.check(agent, remote, list.as_ref())?))
    }

    fn check(
        &self,
        agent: AgentSlot,
        remote: AgentSlot,
        list: Option<&XferDlist>,
    ) -> Result<Status, Stop> {
        let name = self.name_of(remote)?;
        Ok(self
            .held_agent(agent)?
            .agent
            .check_remote_metadata(name, list)?)
    }

    pub(super) fn wait_md(&mut self, agent: AgentSlot, remote: AgentSlot, gone: bool) -> Played {
        let mut wait = self.patient();
        loop {
            let loaded = match self.check(agent, remote, None) {
                Ok(_) => true,
                Err(Stop::Call(CallError::Refused { .. })) => false,
                Err(other) => return Err(other),
            };
            if loaded != gone {
                let measured = format!("{} polls", wait.polls());
                if gone {
                    self.loaded.remove(&(agent, remote));
                } else {
                    self.loaded.insert((agent, remote));
                }
                return Ok(Reply::done().measured(measured));
            }
            if wait.is_over() {
                let what = if gone { "to be gone" } else { "to be loaded" };
                return Err(Stop::TimedOut(format!(
                    "the metadata of {remote} {what} at {agent}"
                )));
            }
            wait.polled();
        }
    }

    /// The optional arguments that name a peer's listener thread.
    fn address_of(&self, peer: AgentSlot) -> Result<OptArgs, Stop> {
        let Some(port) = self.held_agent(peer)?.port else {
            return skip(format!("{peer} has no listener thread"));
        };
        let mut args = OptArgs::new(self.api)?;
        args.set_ip("127.0.0.1")?;
        args.set_port(port)?;
        Ok(args)
    }

    pub(super) fn send_md(&mut self, agent: AgentSlot, to: AgentSlot, descs: &[Desc]) -> Played {
        let (owner, args) = (self.held_agent(agent)?, self.address_of(to)?);
        let status = match descs {
            [] => owner.agent.send_local_metadata(Some(&args))?,
            descs => owner
                .agent
                .send_local_partial_metadata(&self.reg_list(descs)?, Some(&args))?,
        };
        Ok(Reply::status(status))
    }

    pub(super) fn fetch_md(&mut self, agent: AgentSlot, from: AgentSlot) -> Played {
        let args = self.address_of(from)?;
        let name = self.name_of(from)?;
        let status = self
            .held_agent(agent)?
            .agent
            .fetch_remote_metadata(name, Some(&args))?;
        Ok(Reply::status(status))
    }

    pub(super) fn invalidate_local_md(&mut self, agent: AgentSlot, at: AgentSlot) -> Played {
        let args = self.address_of(at)?;
        let status = self
            .held_agent(agent)?
            .agent
            .invalidate_local_metadata(Some(&args))?;
        Ok(Reply::status(status))
    }

    pub(super) fn connect(
        &mut self,
        agent: AgentSlot,
        remote: AgentSlot,
        backend: Option<BackendSlot>,
    ) -> Played {
        let args = self.limited_to(agent, backend)?;
        let name = self.name_of(remote)?;
        let status = self
            .held_agent(agent)?
            .agent
            .make_connection(name, args.as_ref())?;
        Ok(Reply::status(status))
    }

    /// A transfer list of descriptors.
    pub(super) fn xfer_list(&self, descs: &[Desc]) -> Result<XferDlist, Stop> {
        let mut list = XferDlist::new(self.api, MemType::Dram)?;
        for desc in descs {
            let (address, len) = self.range_of(*desc)?;
            // SAFETY: the region stays mapped while a list, transfer or view names it (`is_in_use`), and
            // its bytes are only touched through raw pointers.
            unsafe { list.add(address, len, 0) }?;
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_lie_within_the_bytes_wherever_they_are_asked_for() {
        assert_eq!(piece_of(10, 2, 3), 2..5);
        assert_eq!(piece_of(10, 12, 3), 2..5);
        assert_eq!(piece_of(10, 9, u32::MAX), 9..10);
        assert_eq!(piece_of(1, u32::MAX, 0), 0..0);
    }

    #[test]
    fn what_is_written_over_bytes_ends_with_them() {
        let mut bytes = *b"0123456789";
        overwrite(&mut bytes, 13, b"ab");
        assert_eq!(&bytes, b"012ab56789");
        overwrite(&mut bytes, 8, b"cdef");
        assert_eq!(&bytes, b"012ab567cd");
    }
}
