# For the guest's tests of process.apparmorProfile: everything, but not one file.
profile tare-guest flags=(attach_disconnected) {
  file,
  capability,
  signal,
  deny /secret r,
}
