"""Tests of the TypeScript SDK against a running service, in Node and in Chromium."""
