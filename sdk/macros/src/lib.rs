//! The attributes of `guesthouse-sdk`.
