//! What two processes say to each other: one frame is one packet of a socket.

use crate::abi::types::UcsStatus;

/// Bytes of a message or transfer that one frame carries at most: several frames fit into a socket's default buffer (208 KiB).
pub(crate) const CHUNK_BYTES: usize = 32 << 10;

/// Room that any frame fits into: its words, the header of an active message, and a chunk.
pub(crate) const FRAME_BYTES_MAX: usize = WORDS * 8 + 4096 + CHUNK_BYTES;

/// First word of a connection; another build that speaks otherwise has another one.
const PROTOCOL: u64 = u64::from_le_bytes(*b"mckucxF1");

/// Words before the bytes.
const WORDS: usize = 6;

/// Between which workers a message goes, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Serial of the receiving worker, in its process.
    pub(crate) to: u64,
    /// Serial of the sending worker if it wants an answer; 0 = it does not.
    pub(crate) reply_to: u64,
    pub(crate) id: u16,
}

/// Where a peer is to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the registration with this serial.
    Memory(u64),
    /// In the buffer of the rendezvous operation with this number.
    Announced(u64),
}

/// One frame. Operations have numbers of the process that began them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Who connects, and the number of its doorbell's descriptor.
    Hello { nonce: u64, bell: i32 },
    /// The sender cannot ring the receiver's doorbell.
    Mute,
    /// An active message, or its first part if `length` is more than `data` holds.
    Message {
        route: Route,
        length: u64,
        header: Vec<u8>,
        data: Vec<u8>,
    },
    /// The next part of the message that was sent last.
    More { data: Vec<u8> },
    /// An active message whose data waits in the sender's memory.
    Announce {
        route: Route,
        address: u64,
        length: u64,
        operation: u64,
        header: Vec<u8>,
    },
    /// There is no worker with this serial any more.
    Gone { worker: u64 },
    /// Bytes for a registration. The one that is `last` is answered with [`Frame::Done`].
    Write {
        operation: u64,
        memory: u64,
        address: u64,
        last: bool,
        data: Vec<u8>,
    },
    /// Asks for bytes, which come as [`Frame::Data`] and end with [`Frame::Done`].
    Read {
        operation: u64,
        place: Place,
        address: u64,
        length: u64,
    },
    /// Bytes that were asked for; `offset` counts from the address of the question.
    Data {
        operation: u64,
        offset: u64,
        data: Vec<u8>,
    },
    /// How the receiver's operation went.
    Done { operation: u64, status: UcsStatus },
}

const HELLO: u8 = 1;
const MUTE: u8 = 2;
const MESSAGE: u8 = 3;
const MORE: u8 = 4;
const ANNOUNCE: u8 = 5;
const GONE: u8 = 6;
const WRITE: u8 = 7;
const READ: u8 = 8;
const DATA: u8 = 9;
const DONE: u8 = 10;

/// The fixed part of a frame.
#[derive(Default)]
struct Head {
    kind: u8,
    flag: bool,
    id: u16,
    words: [u64; WORDS - 1],
}

impl Head {
    fn new(kind: u8, words: [u64; WORDS - 1]) -> Head {
        Head {
            kind,
            words,
            ..Head::default()
        }
    }

    /// The whole frame. The first word says how long the first of the two byte strings is.
    fn finish(self, first: &[u8], second: &[u8]) -> Vec<u8> {
        let word = u64::from(self.kind)
            | u64::from(self.flag) << 8
            | u64::from(self.id) << 16
            | (first.len() as u64) << 32;
        let mut bytes = Vec::with_capacity(WORDS * 8 + first.len() + second.len());
        bytes.extend_from_slice(&word.to_le_bytes());
        for word in self.words {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(first);
        bytes.extend_from_slice(second);
        bytes
    }
}

impl Frame {
    /// The bytes to send.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Frame::Hello { nonce, bell } => {
                let bell = u64::from(bell.cast_unsigned());
                Head::new(HELLO, [PROTOCOL, *nonce, bell, 0, 0]).finish(&[], &[])
            }
            Frame::Mute => Head::new(MUTE, [0; 5]).finish(&[], &[]),
            Frame::Message {
                route,
                length,
                header,
                data,
            } => message(*route, *length, header, data),
            Frame::More { data } => more(data),
            Frame::Announce {
                route,
                address,
                length,
                operation,
                header,
            } => {
                let words = [route.to, route.reply_to, *address, *length, *operation];
                Head {
                    id: route.id,
                    ..Head::new(ANNOUNCE, words)
                }
                .finish(header, &[])
            }
            Frame::Gone { worker } => Head::new(GONE, [*worker, 0, 0, 0, 0]).finish(&[], &[]),
            Frame::Write {
                operation,
                memory,
                address,
                last,
                data,
            } => {
                let words = [*operation, *memory, *address, 0, 0];
                Head {
                    flag: *last,
                    ..Head::new(WRITE, words)
                }
                .finish(&[], data)
            }
            Frame::Read {
                operation,
                place,
                address,
                length,
            } => {
                let (flag, place) = match place {
                    Place::Memory(serial) => (false, *serial),
                    Place::Announced(operation) => (true, *operation),
                };
                let words = [*operation, place, *address, *length, 0];
                Head {
                    flag,
                    ..Head::new(READ, words)
                }
                .finish(&[], &[])
            }
            Frame::Data {
                operation,
                offset,
                data,
            } => Head::new(DATA, [*operation, *offset, 0, 0, 0]).finish(&[], data),
            Frame::Done { operation, status } => {
                let status = u64::from(status.0.cast_unsigned());
                Head::new(DONE, [*operation, status, 0, 0, 0]).finish(&[], &[])
            }
        }
    }

    /// The frame in a packet; `None` if it is none of ours.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Frame> {
        let (head, rest) = bytes.split_at_checked(WORDS * 8)?;
        let mut words = [0; WORDS];
        for (word, chunk) in words.iter_mut().zip(head.chunks_exact(8)) {
            *word = u64::from_le_bytes(chunk.try_into().ok()?);
        }
        let [first, a, b, c, d, e] = words;
        let (flag, id) = (first >> 8 & 1 != 0, (first >> 16) as u16);
        let (header, data) = rest.split_at_checked((first >> 32) as usize)?;
        let (header, data) = (header.to_vec(), data.to_vec());
        let route = Route {
            to: a,
            reply_to: b,
            id,
        };
        Some(match first as u8 {
            HELLO if a == PROTOCOL => Frame::Hello {
                nonce: b,
                bell: (c as u32).cast_signed(),
            },
            MUTE => Frame::Mute,
            MESSAGE => Frame::Message {
                route,
                length: c,
                header,
                data,
            },
            MORE => Frame::More { data },
            ANNOUNCE => Frame::Announce {
                route,
                address: c,
                length: d,
                operation: e,
                header,
            },
            GONE => Frame::Gone { worker: a },
            WRITE => Frame::Write {
                operation: a,
                memory: b,
                address: c,
                last: flag,
                data,
            },
            READ => Frame::Read {
                operation: a,
                place: if flag {
                    Place::Announced(b)
                } else {
                    Place::Memory(b)
                },
                address: c,
                length: d,
            },
            DATA => Frame::Data {
                operation: a,
                offset: b,
                data,
            },
            DONE => Frame::Done {
                operation: a,
                status: UcsStatus((b as u8).cast_signed()),
            },
            _ => return None,
        })
    }
}

/// A message as frames: the first with the header, as many more as the data needs.
pub(crate) fn message_frames(route: Route, header: &[u8], data: &[u8]) -> Vec<Vec<u8>> {
    let (first, rest) = data.split_at(data.len().min(CHUNK_BYTES));
    let mut frames = vec![message(route, data.len() as u64, header, first)];
    frames.extend(rest.chunks(CHUNK_BYTES).map(more));
    frames
}

fn message(route: Route, length: u64, header: &[u8], data: &[u8]) -> Vec<u8> {
    let words = [route.to, route.reply_to, length, 0, 0];
    Head {
        id: route.id,
        ..Head::new(MESSAGE, words)
    }
    .finish(header, data)
}

fn more(data: &[u8]) -> Vec<u8> {
    Head::new(MORE, [0; 5]).finish(&[], data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Frame> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
        let route =
            || any::<(u64, u64, u16)>().prop_map(|(to, reply_to, id)| Route { to, reply_to, id });
        prop_oneof![
            any::<(u64, i32)>().prop_map(|(nonce, bell)| Frame::Hello { nonce, bell }),
            Just(Frame::Mute),
            (route(), any::<u64>(), bytes(), bytes()).prop_map(|(route, length, header, data)| {
                Frame::Message {
                    route,
                    length,
                    header,
                    data,
                }
            }),
            bytes().prop_map(|data| Frame::More { data }),
            (route(), any::<[u64; 3]>(), bytes()).prop_map(|(route, words, header)| {
                let [address, length, operation] = words;
                Frame::Announce {
                    route,
                    address,
                    length,
                    operation,
                    header,
                }
            }),
            any::<u64>().prop_map(|worker| Frame::Gone { worker }),
            (any::<[u64; 3]>(), any::<bool>(), bytes()).prop_map(|(words, last, data)| {
                let [operation, memory, address] = words;
                Frame::Write {
                    operation,
                    memory,
                    address,
                    last,
                    data,
                }
            }),
            (any::<[u64; 4]>(), any::<bool>()).prop_map(|(words, memory)| {
                let [operation, place, address, length] = words;
                let place = if memory {
                    Place::Memory(place)
                } else {
                    Place::Announced(place)
                };
                Frame::Read {
                    operation,
                    place,
                    address,
                    length,
                }
            }),
            (any::<[u64; 2]>(), bytes()).prop_map(|([operation, offset], data)| Frame::Data {
                operation,
                offset,
                data,
            }),
            (any::<u64>(), any::<i8>()).prop_map(|(operation, status)| Frame::Done {
                operation,
                status: UcsStatus(status),
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_frame_is_read_back(frame in frames()) {
            let bytes = frame.encode();
            prop_assert!(bytes.len() <= FRAME_BYTES_MAX);
            prop_assert_eq!(Frame::decode(&bytes), Some(frame));
        }

        #[test]
        fn no_packet_makes_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Frame::decode(&bytes);
        }
    }

    #[test]
    fn a_message_fills_as_many_frames_as_it_needs() {
        let route = Route {
            to: 1,
            reply_to: 0,
            id: 2,
        };
        for (length, frames) in [(0, 1), (CHUNK_BYTES, 1), (CHUNK_BYTES + 1, 2)] {
            let made = message_frames(route, b"header", &vec![7; length]);
            assert_eq!(made.len(), frames, "{length} bytes");
            assert!(made.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX));
        }
    }
}
