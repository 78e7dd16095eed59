// Of the web platform, where the types of the workspace lack it.
declare const ReadableStream: any;
declare const File: any;
