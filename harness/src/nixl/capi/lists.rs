//! Lists that NIXL hands out: strings and memory types.

use std::ffi::CStr;
use std::ptr;

use super::owned::owned;
use super::raw::{RawMemList, RawStringList};
use super::{Answer, MemType};

owned! {
    /// A list of strings, for instance the names of available plugins.
    StringList(RawStringList), destroy_string_list
}

owned! {
    /// The kinds of memory that a backend supports.
    MemList(RawMemList), destroy_mem_list
}

impl StringList {
    /// How many there are.
    pub fn len(&self) -> Answer<usize> {
        let mut len = 0;
        // SAFETY: the object is alive and `len` a place for the answer.
        unsafe { self.api.string_list_size(self.raw, &mut len) }?;
        Ok(len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Answer<bool> {
        Ok(self.len()? == 0)
    }

    /// All of them, sorted.
    pub fn entries(&self) -> Answer<Vec<String>> {
        let mut entries = Vec::new();
        for index in 0..self.len()? {
            let mut text = ptr::null();
            // SAFETY: the object is alive and `text` a place for the answer.
            unsafe { self.api.string_list_get(self.raw, index, &mut text) }?;
            // SAFETY: on success it is a string that lives as long as the list.
            entries.push(
                unsafe { CStr::from_ptr(text) }
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        entries.sort();
        Ok(entries)
    }
}

impl MemList {
    /// How many there are.
    pub fn len(&self) -> Answer<usize> {
        let mut len = 0;
        // SAFETY: the object is alive and `len` a place for the answer.
        unsafe { self.api.mem_list_size(self.raw, &mut len) }?;
        Ok(len)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> Answer<bool> {
        let mut empty = false;
        // SAFETY: the object is alive and `empty` a place for the answer.
        unsafe { self.api.mem_list_is_empty(self.raw, &mut empty) }?;
        Ok(empty)
    }

    /// All of them, in NIXL's order.
    pub fn entries(&self) -> Answer<Vec<MemType>> {
        let mut entries = Vec::new();
        for index in 0..self.len()? {
            let mut code = 0;
            // SAFETY: the object is alive and `code` a place for the answer.
            unsafe { self.api.mem_list_get(self.raw, index, &mut code) }?;
            entries.push(MemType::from_code(code));
        }
        Ok(entries)
    }
}
