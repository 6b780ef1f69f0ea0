"""Google Play: real-time developer notifications through Cloud Pub/Sub push, priced by the Play Developer API."""
