//! Backends, backend parameters and the optional arguments of a call.

use std::ffi::{CStr, c_char};
use std::ptr;

use super::owned::{c_string, owned, take_malloced};
use super::raw::{RawBackend, RawOptArgs, RawParamIter, RawParams};
use super::{Answer, Api};

owned! {
    /// A handle of a backend. Destroying it does not end the backend: that lives as long
    /// as its agent, and no call may get the handle after the agent's end.
    Backend(RawBackend), destroy_backend
}

owned! {
    /// Key and value pairs, as backends take and report them.
    Params(RawParams), destroy_params
}

owned! {
    /// A cursor over [`Params`]; the parameters must outlive it and stay unchanged.
    ParamIter(RawParamIter), params_destroy_iterator
}

owned! {
    /// The optional arguments of a call.
    OptArgs(RawOptArgs), destroy_opt_args
}

impl Params {
    /// An empty set.
    pub fn new(api: &'static Api) -> Answer<Params> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a place for the new object.
        unsafe { api.create_params(&mut raw) }?;
        Ok(Params { api, raw })
    }

    /// Sets `key` to `value`.
    pub fn add(&mut self, key: &str, value: &str) -> Answer<()> {
        let (key, value) = (c_string(key)?, c_string(value)?);
        // SAFETY: the object is alive; both strings are copied.
        unsafe { self.api.params_add(self.raw, key.as_ptr(), value.as_ptr()) }.map(drop)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Answer<bool> {
        let mut empty = false;
        // SAFETY: the object is alive and `empty` a place for the answer.
        unsafe { self.api.params_is_empty(self.raw, &mut empty) }?;
        Ok(empty)
    }

    /// All pairs, in the order of their keys.
    pub fn entries(&self) -> Answer<Vec<(String, String)>> {
        let mut entries = Vec::new();
        if self.is_empty()? {
            return Ok(entries);
        }
        let mut raw = ptr::null_mut();
        // SAFETY: the object is alive and `raw` a place for the iterator.
        unsafe { self.api.params_create_iterator(self.raw, &mut raw) }?;
        let mut iter = ParamIter { api: self.api, raw };
        let mut more = true;
        while more {
            let (key, value, has_next) = iter.next_pair()?;
            entries.push((key, value));
            more = has_next;
        }
        iter.destroy()?;
        entries.sort();
        Ok(entries)
    }
}

impl ParamIter {
    /// The next pair of a set that is not exhausted, and whether another follows.
    fn next_pair(&mut self) -> Answer<(String, String, bool)> {
        let (mut key, mut value): (*const c_char, *const c_char) = (c"".as_ptr(), c"".as_ptr());
        let mut has_next = false;
        // SAFETY: the iterator is alive, all others are places for the answers.
        unsafe {
            self.api
                .params_iterator_next(self.raw, &mut key, &mut value, &mut has_next)
        }?;
        // SAFETY: NIXL left both as they were, or set them to strings that live until the next call.
        let (key, value) = unsafe { (CStr::from_ptr(key), CStr::from_ptr(value)) };
        Ok((
            key.to_string_lossy().into_owned(),
            value.to_string_lossy().into_owned(),
            has_next,
        ))
    }
}

impl OptArgs {
    /// No optional argument set.
    pub fn new(api: &'static Api) -> Answer<OptArgs> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a place for the new object.
        unsafe { api.create_opt_args(&mut raw) }?;
        Ok(OptArgs { api, raw })
    }

    /// Restricts the call to backends that were added.
    pub fn add_backend(&mut self, backend: &Backend) -> Answer<()> {
        // SAFETY: both objects are alive.
        unsafe { self.api.opt_args_add_backend(self.raw, backend.raw) }.map(drop)
    }

    /// The message that the target gets when the transfer is complete.
    pub fn set_notification(&mut self, message: &[u8]) -> Answer<()> {
        // SAFETY: the object is alive; the bytes are copied.
        unsafe {
            self.api
                .opt_args_set_notif_msg(self.raw, message.as_ptr().cast(), message.len())
        }
        .map(drop)
    }

    /// The message set before.
    pub fn notification(&self) -> Answer<Vec<u8>> {
        let (mut data, mut len) = (ptr::null_mut(), 0);
        // SAFETY: the object is alive; the others are places for the answers.
        unsafe {
            self.api
                .opt_args_get_notif_msg(self.raw, &mut data, &mut len)
        }?;
        // SAFETY: NIXL returns a `malloc`ed copy, or null.
        Ok(unsafe { take_malloced(data, len) })
    }

    /// Whether a notification is sent.
    pub fn set_has_notification(&mut self, has: bool) -> Answer<()> {
        // SAFETY: the object is alive.
        unsafe { self.api.opt_args_set_has_notif(self.raw, has) }.map(drop)
    }

    /// Whether a notification is sent.
    pub fn has_notification(&self) -> Answer<bool> {
        let mut has = false;
        // SAFETY: the object is alive and `has` a place for the answer.
        unsafe { self.api.opt_args_get_has_notif(self.raw, &mut has) }?;
        Ok(has)
    }

    /// Whether NIXL leaves neighbouring descriptors apart.
    pub fn set_skip_merge(&mut self, skip: bool) -> Answer<()> {
        // SAFETY: the object is alive.
        unsafe { self.api.opt_args_set_skip_desc_merge(self.raw, skip) }.map(drop)
    }

    /// Whether NIXL leaves neighbouring descriptors apart.
    pub fn skip_merge(&self) -> Answer<bool> {
        let mut skip = false;
        // SAFETY: the object is alive and `skip` a place for the answer.
        unsafe { self.api.opt_args_get_skip_desc_merge(self.raw, &mut skip) }?;
        Ok(skip)
    }

    /// A parameter that NIXL hands to the backend as it is. From 1.5.0 on.
    pub fn set_custom(&mut self, value: &[u8]) -> Answer<()> {
        // SAFETY: the object is alive; the bytes are copied.
        unsafe {
            self.api
                .opt_args_set_custom_param(self.raw, value.as_ptr().cast(), value.len())
        }
        .map(drop)
    }

    /// The parameter set before. From 1.5.0 on.
    pub fn custom(&self) -> Answer<Vec<u8>> {
        let (mut data, mut len) = (ptr::null_mut(), 0);
        // SAFETY: the object is alive; the others are places for the answers.
        unsafe {
            self.api
                .opt_args_get_custom_param(self.raw, &mut data, &mut len)
        }?;
        // SAFETY: NIXL returns a `malloc`ed copy, or null.
        Ok(unsafe { take_malloced(data, len) })
    }

    /// Address of the peer for metadata over sockets.
    pub fn set_ip(&mut self, ip: &str) -> Answer<()> {
        let ip = c_string(ip)?;
        // SAFETY: the object is alive; the string is copied.
        unsafe { self.api.opt_args_set_ip_addr(self.raw, ip.as_ptr()) }.map(drop)
    }

    /// Port of the peer for metadata over sockets.
    pub fn set_port(&mut self, port: u16) -> Answer<()> {
        // SAFETY: the object is alive.
        unsafe { self.api.opt_args_set_port(self.raw, port) }.map(drop)
    }
}

/// The pointer of optional arguments that may be absent.
pub(super) fn opt(args: Option<&OptArgs>) -> *mut RawOptArgs {
    args.map_or(ptr::null_mut(), |args| args.raw)
}
