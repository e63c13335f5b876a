//! Wheels of the releases that are driven by their Python module, for other Pythons than the one whose wheel is pinned in `release.rs`.

use crate::nixl::release::{Machine, PYTHON_ABI, Package, Release};

/// Release of `nixl-cu12`, ABI tag, and the checksum of the wheel for x86-64 and for aarch64. Other wheels of theirs were not published.
#[rustfmt::skip]
const WHEELS: [(&str, &str, &str, &str); 13] = [
    ("0.7.1", "cp310",
        "8e1b7ec54cd53a6f0abd697655ab6c46c1025d4b4afc074b4367afba89d96e01",
        "c3cc49d55979a7f1bb7cf569a189479af488ae65b1879f5afc90fd8be30bfa90"),
    ("0.7.1", "cp311",
        "80de662356c1af0ca7f046b33189412a6231bb050f82228ea2eed79dbc83ce14",
        "12d42b2a356763bc047ce1504d57e2f857d9fe08cf462ada5800cc7a3f5669ed"),
    ("0.8.0", "cp310",
        "0c996907e02d32169a220017df18625fca5ad4df3a05819eb293858e7208e6f4",
        "21cf57f22aaa148f9fbbfa89d5d4bda09f6cd7e211ba149cf1a680a79a2470af"),
    ("0.8.0", "cp311",
        "7cfe0a1984fad97dfcc57862ac7bc3b40b66c3bca032ef76eacfa42cd9c27028",
        "29fa819d699fcf640ec45ca1984e295b98c987e4dd448bb92c7939ee3214cb4c"),
    ("0.8.0", "cp313",
        "425f0ac36fdd68ad3d68686daa9210350ef82c1a8500f01c5e21c129ac2d1540",
        "2b57cc245bf26a748086462840736276d4b54994fbda25c928e04f6888f1f829"),
    ("0.9.0", "cp310",
        "0b8a645a008a074398975a4df63a603ef00abccc961129c6a5d43e831c53800b",
        "6c3b63c7d409299b86a25121d3926abf2616c5bf0cb1271f81f217d3db5d3232"),
    ("0.9.0", "cp311",
        "ea75aa30f63743adb9d56eb642cf9ba792d5c13e27208feec0bdeaf09666ad75",
        "9835f98898c04601fd9ebf2ae9d003d877c6f2eb8d84bf6f2c2b84ea76bf9fa2"),
    ("0.9.0", "cp313",
        "4118a1b67ee23e56bc49ec628f05133938d79086791495d486e74a8bef603f96",
        "8b572ab47486efb802e79c2e0084bd1022d08f607bb29c15fdfbf5179efc03ae"),
    ("0.9.0", "cp314",
        "f2cf4c5f76a97e33b16c9c10e98421b31915c1c09eb25da02989dfae6afc6220",
        "c530dc737f4039778b773cdb62febeeb39e75b9119ba6b76e2b70fd4d3bbc0b9"),
    ("0.10.0", "cp310",
        "0adbfbe0e0f41b959262905b8bd64a01234a50b46fe9f559958347f41d1a6b37",
        "2be1ec200ea6a4fc80cf4c4e80ae93d7f34589e199236e7e6eed84038baa60d6"),
    ("0.10.0", "cp311",
        "6dde0a7c47e079371caebca5267a95a2886edce213d38195e1ca7c3960bb70f5",
        "8e7a4c6c17c5b9569ebf271be32af367396c505640608e7bf6b956169c7bde31"),
    ("0.10.0", "cp313",
        "109f268f2575369685e5c521619800cdf2c3c7b33922e7e16c185e774daceaa2",
        "79c41451d4db8d1c5b4f906b60b8eead965627d13f106f7477a95b8408faf9c4"),
    ("0.10.0", "cp314",
        "cf46bac09c873bd8ea7c19b6380aa31aeadf16971a9099291c3c3481fae2df73",
        "853e61006c1e817ba229e5450484891be009bb7217010aa971f18746d560ca78"),
];

/// The Pythons, as ABI tags, that have a wheel of a release.
pub fn abis(release: &Release) -> Vec<&'static str> {
    let mut abis = vec![PYTHON_ABI];
    abis.extend(others(release).map(|(_, abi, ..)| *abi));
    abis.sort_unstable();
    abis
}

/// The checksum of a wheel for a Python, if there is that wheel.
pub fn sha256(release: &Release, abi: &str, machine: Machine) -> Option<&'static str> {
    let (_, _, x86_64, aarch64) = others(release).find(|(_, other, ..)| *other == abi)?;
    Some(match machine {
        Machine::X86_64 => x86_64,
        Machine::Aarch64 => aarch64,
    })
}

fn others(
    release: &Release,
) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str, &'static str)> {
    let version = match release.package {
        Package::Cu12 => release.version,
        // Nothing is pinned of it.
        Package::Cu13 => "",
    };
    WHEELS.iter().filter(move |(of, ..)| *of == version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nixl::release::{Driver, RELEASES};

    #[test]
    fn every_checksum_is_64_hex_digits_and_used_once() {
        let mut seen = std::collections::BTreeSet::new();
        for sum in WHEELS.iter().flat_map(|row| [row.2, row.3]) {
            assert!(
                sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()),
                "{sum}"
            );
            assert!(seen.insert(sum), "{sum} stands twice");
        }
    }

    #[test]
    fn only_releases_without_a_c_api_have_wheels_for_several_pythons() {
        for release in &RELEASES {
            let several = release.driver == Driver::Python && release.package == Package::Cu12;
            assert_eq!(abis(release).len() > 1, several, "{release}");
        }
    }
}
