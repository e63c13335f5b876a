//! Descriptor lists: for transfers, for registrations, for remote buffers, and answers of a query.

use std::ffi::{CStr, c_int};
use std::ptr;

use super::owned::{c_string, owned};
use super::raw::{RawQueryRespList, RawRegDlist, RawRemoteDlist, RawXferDlist};
use super::{Answer, Api, Params};

/// `nixl_capi_mem_type_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemType {
    /// Host memory.
    Dram,
    /// Device memory.
    Vram,
    /// A block device.
    Block,
    /// An object store.
    Object,
    /// A file.
    File,
    /// What NIXL calls unknown, or a code that the header does not name.
    Unknown(i32),
}

impl MemType {
    /// The type of a raw code.
    pub fn from_code(code: c_int) -> MemType {
        match code {
            0 => MemType::Dram,
            1 => MemType::Vram,
            2 => MemType::Block,
            3 => MemType::Object,
            4 => MemType::File,
            other => MemType::Unknown(other),
        }
    }

    /// The raw code of a type.
    pub fn code(self) -> c_int {
        match self {
            MemType::Dram => 0,
            MemType::Vram => 1,
            MemType::Block => 2,
            MemType::Object => 3,
            MemType::File => 4,
            MemType::Unknown(code) => code,
        }
    }

    /// NIXL's own name of the type.
    pub fn name(self, api: &Api) -> Answer<String> {
        let mut name = ptr::null();
        // SAFETY: `name` is a place for the answer.
        unsafe { api.mem_type_to_string(self.code(), &mut name) }?;
        // SAFETY: on success it is a string constant.
        Ok(unsafe { CStr::from_ptr(name) }
            .to_string_lossy()
            .into_owned())
    }
}

owned! {
    /// Descriptors of a transfer's one side.
    XferDlist(RawXferDlist), destroy_xfer_dlist
}

owned! {
    /// Descriptors of a registration.
    RegDlist(RawRegDlist), destroy_reg_dlist
}

owned! {
    /// Descriptors of remote buffers, each with the agent that owns it. From 1.5.0 on.
    RemoteDlist(RawRemoteDlist), destroy_remote_dlist
}

owned! {
    /// What [`Agent::query`](super::Agent::query) answered, one entry per descriptor.
    QueryRespList(RawQueryRespList), destroy_query_resp_list
}

/// The operations that both lists of addresses have under their own names.
macro_rules! address_list {
    ($name:ident, $create:ident, $get_type:ident, $count:ident, $is_empty:ident, $trim:ident, $remove:ident, $clear:ident, $resize:ident, $print:ident) => {
        impl $name {
            /// An empty list for one kind of memory.
            pub fn new(api: &'static Api, kind: MemType) -> Answer<$name> {
                let mut raw = ptr::null_mut();
                // SAFETY: `raw` is a place for the new object.
                unsafe { api.$create(kind.code(), &mut raw) }?;
                Ok($name { api, raw })
            }

            /// The kind of memory that it is for.
            pub fn kind(&self) -> Answer<MemType> {
                let mut code = 0;
                // SAFETY: the object is alive and `code` a place for the answer.
                unsafe { self.api.$get_type(self.raw, &mut code) }?;
                Ok(MemType::from_code(code))
            }

            /// How many descriptors it has.
            pub fn len(&self) -> Answer<usize> {
                let mut len = 0;
                // SAFETY: the object is alive and `len` a place for the answer.
                unsafe { self.api.$count(self.raw, &mut len) }?;
                Ok(len)
            }

            /// Whether it has none.
            pub fn is_empty(&self) -> Answer<bool> {
                let mut empty = false;
                // SAFETY: the object is alive and `empty` a place for the answer.
                unsafe { self.api.$is_empty(self.raw, &mut empty) }?;
                Ok(empty)
            }

            /// Gives spare room back.
            pub fn trim(&mut self) -> Answer<()> {
                // SAFETY: the object is alive.
                unsafe { self.api.$trim(self.raw) }.map(drop)
            }

            /// Removes the descriptor at `index`.
            pub fn remove(&mut self, index: c_int) -> Answer<()> {
                // SAFETY: the object is alive; NIXL checks the index.
                unsafe { self.api.$remove(self.raw, index) }.map(drop)
            }

            /// Removes all descriptors.
            pub fn clear(&mut self) -> Answer<()> {
                // SAFETY: the object is alive.
                unsafe { self.api.$clear(self.raw) }.map(drop)
            }

            /// Shortens the list to `len`, or fills it up with empty descriptors.
            pub fn resize(&mut self, len: usize) -> Answer<()> {
                // SAFETY: the object is alive.
                unsafe { self.api.$resize(self.raw, len) }.map(drop)
            }

            /// Has NIXL print the list on standard output.
            pub fn print(&self) -> Answer<()> {
                // SAFETY: the object is alive.
                unsafe { self.api.$print(self.raw) }.map(drop)
            }
        }
    };
}

#[rustfmt::skip]
address_list!(XferDlist, create_xfer_dlist, xfer_dlist_get_type, xfer_dlist_desc_count, xfer_dlist_is_empty,
    xfer_dlist_trim, xfer_dlist_rem_desc, xfer_dlist_clear, xfer_dlist_resize, xfer_dlist_print);
#[rustfmt::skip]
address_list!(RegDlist, create_reg_dlist, reg_dlist_get_type, reg_dlist_desc_count, reg_dlist_is_empty,
    reg_dlist_trim, reg_dlist_rem_desc, reg_dlist_clear, reg_dlist_resize, reg_dlist_print);

impl XferDlist {
    /// Adds a range.
    ///
    /// # Safety
    /// Where the range is local, nobody but NIXL may rely on its bytes, and it must stay mapped,
    /// until every transfer made from this list has ended.
    pub unsafe fn add(&mut self, address: usize, len: usize, device: u64) -> Answer<()> {
        // SAFETY: the object is alive; the caller vouches for the range.
        unsafe { self.api.xfer_dlist_add_desc(self.raw, address, len, device) }.map(drop)
    }

    /// The older name of [`XferDlist::len`], which clients still call.
    pub fn len_deprecated(&self) -> Answer<usize> {
        let mut len = 0;
        // SAFETY: the object is alive and `len` a place for the answer.
        unsafe { self.api.xfer_dlist_len(self.raw, &mut len) }?;
        Ok(len)
    }
}

impl RegDlist {
    /// Adds a range, with metadata for the backend.
    ///
    /// # Safety
    /// The range must stay mapped as long as it is registered, and peers that have its
    /// metadata may read and write it.
    pub unsafe fn add(
        &mut self,
        address: usize,
        len: usize,
        device: u64,
        metadata: &[u8],
    ) -> Answer<()> {
        let (data, data_len) = (metadata.as_ptr().cast(), metadata.len());
        // SAFETY: the object is alive; the metadata is copied; the caller vouches for the range.
        unsafe {
            self.api
                .reg_dlist_add_desc(self.raw, address, len, device, data, data_len)
        }
        .map(drop)
    }
}

impl RemoteDlist {
    /// An empty list for one kind of memory.
    pub fn new(api: &'static Api, kind: MemType) -> Answer<RemoteDlist> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a place for the new object.
        unsafe { api.create_remote_dlist(kind.code(), &mut raw) }?;
        Ok(RemoteDlist { api, raw })
    }

    /// Adds a range of `owner`; without an owner it keeps the place of one.
    ///
    /// # Safety
    /// The range must stay valid at its owner as long as a view of this list exists.
    pub unsafe fn add(
        &mut self,
        address: usize,
        len: usize,
        device: u64,
        owner: Option<&str>,
    ) -> Answer<()> {
        let owner = owner.map(c_string).transpose()?;
        let owner = owner.as_ref().map_or(ptr::null(), |owner| owner.as_ptr());
        // SAFETY: the object is alive; the name is copied; the caller vouches for the range.
        unsafe {
            self.api
                .remote_dlist_add_desc(self.raw, address, len, device, owner)
        }
        .map(drop)
    }
}

impl QueryRespList {
    /// An empty list, to be filled by a query.
    pub fn new(api: &'static Api) -> Answer<QueryRespList> {
        let mut raw = ptr::null_mut();
        // SAFETY: `raw` is a place for the new object.
        unsafe { api.create_query_resp_list(&mut raw) }?;
        Ok(QueryRespList { api, raw })
    }

    /// How many answers it has.
    pub fn len(&self) -> Answer<usize> {
        let mut len = 0;
        // SAFETY: the object is alive and `len` a place for the answer.
        unsafe { self.api.query_resp_list_size(self.raw, &mut len) }?;
        Ok(len)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> Answer<bool> {
        Ok(self.len()? == 0)
    }

    /// The answer at `index`: the parameters of a descriptor that was found.
    pub fn get(&self, index: usize) -> Answer<Option<Params>> {
        let mut has = false;
        // SAFETY: the object is alive and `has` a place for the answer.
        unsafe {
            self.api
                .query_resp_list_has_value(self.raw, index, &mut has)
        }?;
        if !has {
            return Ok(None);
        }
        let mut raw = ptr::null_mut();
        // SAFETY: the object is alive and `raw` a place for a copy of the parameters.
        unsafe {
            self.api
                .query_resp_list_get_params(self.raw, index, &mut raw)
        }?;
        Ok(Some(Params { api: self.api, raw }))
    }
}
