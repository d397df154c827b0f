import type { Module } from '../core/module.ts';
import { httpModule } from '../http/directives.ts';
import { mainModule } from './main/main.ts';

/** Every module, in the order in which gates are asked and services started. */
export const modules: readonly Module[] = [mainModule, httpModule];
