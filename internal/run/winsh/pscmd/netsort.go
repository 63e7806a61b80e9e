package pscmd

import "math/bits"

// netSort sorts as List.Sort of .NET does. That is not stable: what compares
// equal keeps its order in lists of up to 16 elements but for those of three,
// and may change it in longer ones, which scripts get to see.
func netSort[T any](list []T, compare func(a, b T) int) {
	s := netSorter[T]{list, compare}
	if len(list) > 1 {
		s.intro(0, len(list)-1, 2*bits.Len(uint(len(list))))
	}
}

type netSorter[T any] struct {
	list    []T
	compare func(a, b T) int
}

// order swaps two elements that stand the wrong way round.
func (s netSorter[T]) order(i, j int) {
	if i != j && s.compare(s.list[i], s.list[j]) > 0 {
		s.swap(i, j)
	}
}

func (s netSorter[T]) swap(i, j int) { s.list[i], s.list[j] = s.list[j], s.list[i] }

func (s netSorter[T]) intro(lo, hi, depth int) {
	const small = 16
	for hi > lo {
		switch n := hi - lo + 1; {
		case n == 2:
			s.order(lo, hi)
			return
		case n == 3:
			s.order(lo, hi-1)
			s.order(lo, hi)
			s.order(hi-1, hi)
			return
		case n <= small:
			s.insert(lo, hi)
			return
		case depth == 0:
			s.heap(lo, hi)
			return
		}
		depth--
		p := s.partition(lo, hi)
		s.intro(p+1, hi, depth)
		hi = p - 1
	}
}

func (s netSorter[T]) insert(lo, hi int) {
	for i := lo; i < hi; i++ {
		t := s.list[i+1]
		j := i
		for ; j >= lo && s.compare(t, s.list[j]) < 0; j-- {
			s.list[j+1] = s.list[j]
		}
		s.list[j+1] = t
	}
}

func (s netSorter[T]) partition(lo, hi int) int {
	middle := lo + (hi-lo)/2
	s.order(lo, middle)
	s.order(lo, hi)
	s.order(middle, hi)
	pivot := s.list[middle]
	s.swap(middle, hi-1)
	left, right := lo, hi-1
	for left < right {
		for left++; left < hi && s.compare(s.list[left], pivot) < 0; left++ {
		}
		for right--; right > lo && s.compare(pivot, s.list[right]) < 0; right-- {
		}
		if left >= right {
			break
		}
		s.swap(left, right)
	}
	if left != hi-1 {
		s.swap(left, hi-1)
	}
	return left
}

func (s netSorter[T]) heap(lo, hi int) {
	n := hi - lo + 1
	for i := n / 2; i >= 1; i-- {
		s.sink(i, n, lo)
	}
	for i := n; i > 1; i-- {
		s.swap(lo, lo+i-1)
		s.sink(1, i-1, lo)
	}
}

// sink moves an element of a heap, counted from 1, to its place.
func (s netSorter[T]) sink(i, n, lo int) {
	d := s.list[lo+i-1]
	for i <= n/2 {
		child := 2 * i
		if child < n && s.compare(s.list[lo+child-1], s.list[lo+child]) < 0 {
			child++
		}
		if s.compare(d, s.list[lo+child-1]) >= 0 {
			break
		}
		s.list[lo+i-1] = s.list[lo+child-1]
		i = child
	}
	s.list[lo+i-1] = d
}
