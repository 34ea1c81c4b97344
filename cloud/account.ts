/** The account and region of everything in the embedded cloud. */
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';
