//! How a C struct or a group of C constants is declared once: as Rust items, and as data about them.

/// A UCX release 1.x by its x.
pub type Minor = u16;

/// One C constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    /// The name in UCX's headers.
    pub name: &'static str,
    /// Its value; a `uint64_t` above `i64::MAX` keeps its bits.
    pub value: i64,
    /// The first release that has it (13 stands for 1.13 or older).
    pub since: Minor,
}

/// One member of a C struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name in UCX's headers.
    pub name: &'static str,
    /// Offset in the newest layout, in bytes.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// The first release that has it (13 stands for 1.13 or older).
    pub since: Minor,
}

/// One C struct in its newest layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructLayout {
    /// The C type's name.
    pub name: &'static str,
    /// Size in the newest release, in bytes.
    pub size: usize,
    /// Alignment in bytes.
    pub align: usize,
    /// The last release that has it in this form.
    pub last: Minor,
    /// Its members in order.
    pub fields: &'static [Field],
}

impl StructLayout {
    /// The struct's size in release 1.`minor`, 0 if that release does not have it.
    ///
    /// UCX lets structs grow at their end only, so the last member that the release knows decides.
    pub fn size_in(&self, minor: Minor) -> usize {
        if minor > self.last {
            return 0;
        }
        let known = self.fields.iter().filter(|field| field.since <= minor);
        let end = known.map(|field| field.offset + field.size).max();
        end.unwrap_or(0).next_multiple_of(self.align)
    }
}

/// Declares C constants as `pub const` items and as tables of [`Constant`], one for each group.
macro_rules! c_constants {
    ($($(#[$group_doc:meta])* $group:ident = $c_name:literal: $type:ty {
        $($name:ident = $value:expr, since $since:literal, $doc:literal;)*
    })*) => {
        $(
            $(#[doc = $doc] pub const $name: $type = $value;)*
            $(#[$group_doc])*
            pub const $group: &[Constant] = &[
                $(Constant { name: stringify!($name), value: $name as i64, since: $since },)*
            ];
        )*
        /// The groups of constants of this area: UCX's name of the enum and its constants.
        pub(super) const GROUPS: &[(&str, &[Constant])] = &[$(($c_name, $group),)*];
    };
}

/// Declares `repr(C)` structs with public members, and the table of their layouts.
macro_rules! c_structs {
    ($($(#[$struct_doc:meta])* $name:ident = $c_name:literal $(, until $last:literal)? {
        $($field:ident: $type:ty, since $since:literal, $doc:literal;)*
    })*) => {
        $(
            $(#[$struct_doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug)]
            pub struct $name {
                $(#[doc = $doc] pub $field: $type,)*
            }

            impl $name {
                /// The layout as data.
                pub const LAYOUT: StructLayout = StructLayout {
                    name: $c_name,
                    size: size_of::<$name>(),
                    align: align_of::<$name>(),
                    last: c_structs!(@last $($last)?),
                    fields: &[$(Field {
                        name: stringify!($field),
                        offset: std::mem::offset_of!($name, $field),
                        size: size_of::<$type>(),
                        since: $since,
                    },)*],
                };

                /// All members zero: an empty mask, null pointers.
                pub const fn zeroed() -> Self {
                    // SAFETY: the members are integers, floats, raw pointers, nullable function pointers, and arrays
                    // and structs of these: all zero bits are a value of each.
                    unsafe { std::mem::zeroed() }
                }
            }
        )*
        /// The layouts of this area's structs.
        pub(super) const STRUCTS: &[StructLayout] = &[$($name::LAYOUT,)*];
    };
    (@last) => { Minor::MAX };
    (@last $last:literal) => { $last };
}

pub(super) use {c_constants, c_structs};

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use crate::abi::types::*;

    #[test]
    fn a_struct_grows_at_its_end_with_the_release() {
        let sizes = |layout: StructLayout| [13, 14, 18, 20, 22].map(|minor| layout.size_in(minor));
        assert_eq!(sizes(UcpParams::LAYOUT), [80, 80, 80, 88, 88]);
        assert_eq!(sizes(UcpContextAttr::LAYOUT), [64, 64, 64, 72, 72]);
        assert_eq!(sizes(UcpMemMapParams::LAYOUT), [40, 48, 48, 48, 48]);
        assert_eq!(sizes(UcpRequestParam::LAYOUT), [72, 72, 72, 72, 96]);
        assert_eq!(sizes(UcpEpAttr::LAYOUT), [296, 320, 328, 328, 328]);
        assert_eq!(sizes(UcpDeviceMemListElem::LAYOUT), [0, 0, 0, 48, 56]);
        assert_eq!(sizes(UcpDeviceMemListParams::LAYOUT), [0, 0, 0, 0, 40]);
        assert_eq!(sizes(UcpDeviceMemListParams20::LAYOUT), [0, 0, 0, 32, 0]);
    }

    #[test]
    fn a_struct_is_as_long_as_its_members_of_the_newest_release() {
        for layout in STRUCTS.iter().copied().flatten() {
            assert_eq!(layout.size_in(layout.last), layout.size, "{}", layout.name);
        }
    }
}
