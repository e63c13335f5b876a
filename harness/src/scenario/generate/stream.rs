//! Bytes from a seed.

/// Numbers that look random and depend on a seed alone: splitmix64.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// The numbers of case `number` of the search with this seed.
    pub fn new(seed: u64, number: u64) -> Stream {
        let mut stream = Stream(seed);
        Stream(stream.next_number() ^ number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// The next bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next_number().to_le_bytes());
        words.flatten().take(count).collect()
    }

    /// The bytes of a whole recipe.
    pub fn recipe(&mut self) -> Vec<u8> {
        self.bytes(super::SETUP_BYTES + super::RECORDS_MAX * super::RECORD_BYTES)
    }
}
