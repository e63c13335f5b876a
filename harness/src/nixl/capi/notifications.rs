//! Notifications that an agent received.

use std::ffi::CStr;
use std::ptr;

use super::owned::owned;
use super::raw::RawNotifMap;
use super::{Answer, Api};

owned! {
    /// Received notifications by sender. Polling appends to it.
    NotifMap(RawNotifMap), destroy_notif_map
}

impl NotifMap {
    /// An empty map.
    pub fn new(api: &'static Api) -> Answer<NotifMap> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a place for the new object.
        unsafe { api.create_notif_map(&mut raw) }?;
        Ok(NotifMap { api, raw })
    }

    /// How many senders it has.
    pub fn len(&self) -> Answer<usize> {
        let mut len = 0;
        // SAFETY: the object is alive and `len` a place for the answer.
        unsafe { self.api.notif_map_size(self.raw, &mut len) }?;
        Ok(len)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> Answer<bool> {
        Ok(self.len()? == 0)
    }

    /// Senders in alphabetical order, each with its messages in the order of their arrival.
    pub fn entries(&self) -> Answer<Vec<(String, Vec<Vec<u8>>)>> {
        let mut entries = Vec::new();
        for index in 0..self.len()? {
            let mut name = ptr::null();
            // SAFETY: the object is alive and `name` a place for the answer.
            unsafe { self.api.notif_map_get_agent_at(self.raw, index, &mut name) }?;
            // SAFETY: on success it is a string that lives until the map changes.
            let name = unsafe { CStr::from_ptr(name) };
            entries.push((name.to_string_lossy().into_owned(), self.messages(name)?));
        }
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(entries)
    }

    fn messages(&self, sender: &CStr) -> Answer<Vec<Vec<u8>>> {
        let mut count = 0;
        // SAFETY: the object is alive, the name a string, and `count` a place for the answer.
        unsafe {
            self.api
                .notif_map_get_notifs_size(self.raw, sender.as_ptr(), &mut count)
        }?;
        let mut messages = Vec::new();
        for index in 0..count {
            let (mut data, mut len) = (ptr::null(), 0);
            // SAFETY: as above; `data` and `len` are places for the answers.
            unsafe {
                self.api
                    .notif_map_get_notif(self.raw, sender.as_ptr(), index, &mut data, &mut len)
            }?;
            // SAFETY: on success `data` points to `len` bytes that live until the map changes.
            messages.push(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) }.to_vec());
        }
        Ok(messages)
    }

    /// Forgets all of them.
    pub fn clear(&mut self) -> Answer<()> {
        // SAFETY: the object is alive.
        unsafe { self.api.notif_map_clear(self.raw) }.map(drop)
    }
}
