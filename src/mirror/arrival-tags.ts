/** Of a frame of arrivals as its writer and its reader go by it: field number and wire type in one, as in frame.proto. */
export const [ARRIVALS, RECORD] = [0x32, 0x0a];
export const [TOPIC, PARTITION, OFFSET, KEY, VALUE, HEADER, TIMESTAMP, FAULT] = [
  0x08, 0x10, 0x18, 0x22, 0x2a, 0x32, 0x38, 0x42,
];
export const [HEADER_NAME, HEADER_VALUE] = [0x0a, 0x12];
