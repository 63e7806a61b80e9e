package machine

// VolumeSerial is the serial number of drive C: as dir, vol and tree print it.
// Each real computer has another one.
const VolumeSerial = "5C0A-5E4D"
