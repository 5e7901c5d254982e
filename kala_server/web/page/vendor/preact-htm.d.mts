/** What editors and tsc are told of the vendored file. It is not sent to browsers. */
export type Child = unknown;
export function h(type: unknown, props?: object | null, ...children: Child[]): object;
export function render(node: unknown, parent: Element): void;
export const Fragment: unknown;
export const options: Record<string, unknown>;
export function html(strings: TemplateStringsArray, ...values: unknown[]): object;
export function useState<T>(first: T | (() => T)): [T, (next: T | ((before: T) => T)) => void];
export function useEffect(effect: () => void | (() => void), on?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), on?: unknown[]): void;
export function useMemo<T>(make: () => T, on: unknown[]): T;
export function useCallback<T>(made: T, on: unknown[]): T;
export function useRef<T>(first: T): { current: T };
export function useErrorBoundary(told?: (error: Error) => void): [Error | undefined, () => void];
export function useId(): string;
