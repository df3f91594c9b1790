/* generated using openapi-typescript-codegen -- do not edit */
/* istanbul ignore file */
/* tslint:disable */
/* eslint-disable */
export type Certificate = {
  description?: string;
  /**
   * The path.
   */
  file?: string;
  /**
   * The name to ask for it.
   */
  storage_name?: string;
  /**
   * Bytes.
   */
  size?: number | null;
  /**
   * Used or Unused.
   */
  status?: string;
  subject?: string;
  issuers?: string;
  domains?: string;
  ip_addresses?: string;
  subject_alternative_names?: string;
  serial?: string;
  not_before?: string | null;
  not_after?: string | null;
  algorithm?: string;
  sha1_finger_print?: string;
  sha256_finger_print?: string;
  chain_subject?: string;
  chain_issuer?: string;
  subject_key_id?: string;
  authority_key_id?: string;
};

