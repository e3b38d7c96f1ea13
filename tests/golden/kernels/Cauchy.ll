; residual: c**2/2*log(1 + (r/c)**2)
; inputs y, z; parameters c; outputs value, gradient, hessian, majorant
; 4 rows at a time, double in memory

%reals = type <4 x double>
%bits = type <4 x i64>
%truths = type <4 x i1>
%stored = type <4 x double>
%results = type { %reals, %reals, %reals, %reals }

define private %results @formula(%reals %y, %reals %z, %reals %c, %reals %v5) alwaysinline {
  ; r = sub(y, z)
  %r = fsub %reals %y, %z
  ; v1 = div(r, c)
  %v1 = fdiv %reals %r, %c
  ; v2 = serpentine(v1)
  %one_plus_square.1 = call %reals @llvm.fabs.v4f64(%reals %v1)
  %one_plus_square.2 = fcmp ogt %reals %one_plus_square.1, splat (double 1.152921504606847e+18)
  %one_plus_square.3 = call %reals @llvm.fma.v4f64(%reals %v1, %reals %v1, %reals splat (double 1.0))
  %serpentine.1 = select %truths %one_plus_square.2, %reals splat (double 1.0), %reals %v1
  %serpentine.2 = select %truths %one_plus_square.2, %reals %v1, %reals %one_plus_square.3
  %v2 = fdiv %reals %serpentine.1, %serpentine.2
  ; v3 = witch(v1)
  %witch.1 = fdiv %reals splat (double 1.0), %serpentine.2
  %witch.2 = fmul %reals %witch.1, %witch.1
  %v3 = select %truths %one_plus_square.2, %reals %witch.2, %reals %witch.1
  ; v4 = mul(c, c)
  ; v5 = mul(0.5, v4)
  ; v6 = log1psq(v1)
  %log1psq.1 = fmul %reals %v1, %v1
  %log1psq.2 = select %truths %one_plus_square.2, %reals %one_plus_square.1, %reals %log1psq.1
  %log1p.1 = fadd %reals %log1psq.2, splat (double 1.0)
  %log1p.2 = fsub %reals %log1p.1, splat (double 1.0)
  %log1p.3 = fsub %reals %log1p.1, %log1p.2
  %log1p.4 = fsub %reals splat (double 1.0), %log1p.3
  %log1p.5 = fsub %reals %log1psq.2, %log1p.2
  %log1p.6 = fadd %reals %log1p.4, %log1p.5
  %log1p.7 = bitcast %reals %log1p.1 to %bits
  %log_split.1 = sub %bits %log1p.7, splat (i64 4604544271217802189)
  %log_split.2 = ashr %bits %log_split.1, splat (i64 52)
  %log_split.3 = shl %bits %log_split.2, splat (i64 52)
  %log_split.4 = sub %bits %log1p.7, %log_split.3
  %log_split.5 = bitcast %bits %log_split.4 to %reals
  %log1p.8 = fsub %reals %log_split.5, splat (double 1.0)
  %log1p.9 = fcmp ogt %reals %log1psq.2, splat (double 1.152921504606847e+18)
  %log1p.10 = sub %bits splat (i64 4607182418800017408), %log_split.3
  %log1p.11 = bitcast %bits %log1p.10 to %reals
  %log1p.12 = fmul %reals %log1p.6, %log1p.11
  %log1p.13 = select %truths %log1p.9, %reals splat (double 0.0), %reals %log1p.12
  %log1p.14 = fadd %reals %log1p.8, %log1p.13
  %log1p.15 = fcmp ogt %reals %log1p.1, splat (double 0.7072)
  %log1p.16 = fcmp olt %reals %log1p.1, splat (double 1.4141)
  %log1p.17 = and %truths %log1p.15, %log1p.16
  %log1p.18 = select %truths %log1p.17, %reals %log1psq.2, %reals %log1p.14
  %as_real.1 = add %bits %log_split.2, splat (i64 4843621399236968448)
  %as_real.2 = bitcast %bits %as_real.1 to %reals
  %as_real.3 = fsub %reals %as_real.2, splat (double 6755399441055744.0)
  %log1p.19 = select %truths %log1p.17, %reals splat (double 0.0), %reals %as_real.3
  %log_joined.1 = fadd %reals %log1p.18, splat (double 2.0)
  %log_joined.2 = fdiv %reals %log1p.18, %log_joined.1
  %log_joined.3 = fmul %reals %log1p.18, %log1p.18
  %log_joined.4 = fmul %reals %log_joined.3, splat (double 0.5)
  %log_joined.5 = fmul %reals %log_joined.2, %log_joined.2
  %polynomial.log.1 = call %reals @llvm.fma.v4f64(%reals %log_joined.5, %reals splat (double 0.3999999999989819), %reals splat (double 0.666666666666667))
  %polynomial.log.2 = call %reals @llvm.fma.v4f64(%reals %log_joined.5, %reals splat (double 0.2222221103781659), %reals splat (double 0.28571428626570206))
  %polynomial.log.3 = call %reals @llvm.fma.v4f64(%reals %log_joined.5, %reals splat (double 0.15331487235865734), %reals splat (double 0.18182896183483085))
  %polynomial.log.4 = fmul %reals %log_joined.5, %log_joined.5
  %polynomial.log.5 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.4, %reals %polynomial.log.2, %reals %polynomial.log.1)
  %polynomial.log.6 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.4, %reals splat (double 0.14619343453512615), %reals %polynomial.log.3)
  %polynomial.log.7 = fmul %reals %polynomial.log.4, %polynomial.log.4
  %polynomial.log.8 = call %reals @llvm.fma.v4f64(%reals %polynomial.log.7, %reals %polynomial.log.6, %reals %polynomial.log.5)
  %log_joined.6 = call %reals @llvm.fma.v4f64(%reals %log_joined.5, %reals %polynomial.log.8, %reals %log_joined.4)
  %log_joined.7 = fmul %reals %log1p.19, splat (double 1.9082149292705877e-10)
  %log_joined.8 = call %reals @llvm.fma.v4f64(%reals %log_joined.2, %reals %log_joined.6, %reals %log_joined.7)
  %log_joined.9 = fsub %reals %log_joined.8, %log_joined.4
  %log_joined.10 = fadd %reals %log_joined.9, %log1p.18
  %log_joined.11 = call %reals @llvm.fma.v4f64(%reals %log1p.19, %reals splat (double 0.6931471803691238), %reals %log_joined.10)
  %log_ends.1 = fcmp olt %reals %log1p.1, splat (double 0x7FF0000000000000)
  %log_ends.2 = select %truths %log_ends.1, %reals %log_joined.11, %reals %log1p.1
  %log_ends.3 = fcmp ogt %reals %log1p.1, splat (double 0.0)
  %log_ends.4 = fcmp oeq %reals %log1p.1, splat (double 0.0)
  %log_ends.5 = select %truths %log_ends.4, %reals splat (double 0xFFF0000000000000), %reals splat (double 0x7FF8000000000000)
  %log_ends.6 = select %truths %log_ends.3, %reals %log_ends.2, %reals %log_ends.5
  %log1psq.3 = select %truths %one_plus_square.2, %reals splat (double 2.0), %reals splat (double 1.0)
  %v6 = fmul %reals %log_ends.6, %log1psq.3
  ; v7 = mul(v5, v6)
  %v7 = fmul %reals %v5, %v6
  ; v8 = mul(v2, c)
  %v8 = fmul %reals %v2, %c
  ; v9 = neg(v8)
  %v9 = fneg %reals %v8
  ; v10 = mul(v2, v2)
  %v10 = fmul %reals %v2, %v2
  ; v11 = mul(2.0, v10)
  %v11 = fmul %reals splat (double 2.0), %v10
  ; v12 = sub(v3, v11)
  %v12 = fsub %reals %v3, %v11
  %give.0 = insertvalue %results poison, %reals %v7, 0  ; value
  %give.1 = insertvalue %results %give.0, %reals %v9, 1  ; gradient
  %give.2 = insertvalue %results %give.1, %reals %v12, 2  ; hessian
  %give.3 = insertvalue %results %give.2, %reals %v3, 3  ; majorant
  ret %results %give.3
}

define void @kernel(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  %out.majorant.slot = getelementptr ptr, ptr %all.arrays, i64 5
  %out.majorant.base = load ptr, ptr %out.majorant.slot
  %c.slot = getelementptr double, ptr %all.params, i64 0
  %c.one = load double, ptr %c.slot
  %c.lane = insertelement %reals poison, double %c.one, i64 0
  %c = shufflevector %reals %c.lane, %reals poison, <4 x i32> zeroinitializer
  %v4 = fmul %reals %c, %c
  %v5 = fmul %reals splat (double 0.5), %v4
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %c, %reals %v5)
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 8
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 8
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 8
  %out.majorant.whole = extractvalue %results %results.whole, 3
  %out.majorant.whole.stored = bitcast %reals %out.majorant.whole to %stored
  %out.majorant.at.whole = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  store %stored %out.majorant.whole.stored, ptr %out.majorant.at.whole, align 8
  br label %rows.loop
rows.rest:
  %rows.left = sub i64 %rows.to, %rows.at
  %rows.some = icmp sgt i64 %rows.left, 0
  br i1 %rows.some, label %rows.tail, label %rows.done
rows.tail:
  %left.lane = insertelement %bits poison, i64 %rows.left, i64 0
  %left.all = shufflevector <4 x i64> %left.lane, <4 x i64> poison, <4 x i32> zeroinitializer
  %rows.mask = icmp slt %bits <i64 0, i64 1, i64 2, i64 3>, %left.all
  %y.at.tail = getelementptr double, ptr %y.base, i64 %rows.at
  %y.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %y.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %y.tail = bitcast %stored %y.tail.stored to %reals
  %z.at.tail = getelementptr double, ptr %z.base, i64 %rows.at
  %z.tail.stored = call %stored @llvm.masked.load.v4f64.p0(ptr align 8 %z.at.tail, %truths %rows.mask, %stored zeroinitializer)
  %z.tail = bitcast %stored %z.tail.stored to %reals
  %results.tail = call %results @formula(%reals %y.tail, %reals %z.tail, %reals %c, %reals %v5)
  %out.value.tail = extractvalue %results %results.tail, 0
  %out.value.tail.stored = bitcast %reals %out.value.tail to %stored
  %out.value.at.tail = getelementptr double, ptr %out.value.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.value.tail.stored, ptr align 8 %out.value.at.tail, %truths %rows.mask)
  %out.gradient.tail = extractvalue %results %results.tail, 1
  %out.gradient.tail.stored = bitcast %reals %out.gradient.tail to %stored
  %out.gradient.at.tail = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.gradient.tail.stored, ptr align 8 %out.gradient.at.tail, %truths %rows.mask)
  %out.hessian.tail = extractvalue %results %results.tail, 2
  %out.hessian.tail.stored = bitcast %reals %out.hessian.tail to %stored
  %out.hessian.at.tail = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.hessian.tail.stored, ptr align 8 %out.hessian.at.tail, %truths %rows.mask)
  %out.majorant.tail = extractvalue %results %results.tail, 3
  %out.majorant.tail.stored = bitcast %reals %out.majorant.tail to %stored
  %out.majorant.at.tail = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  call void @llvm.masked.store.v4f64.p0(%stored %out.majorant.tail.stored, ptr align 8 %out.majorant.at.tail, %truths %rows.mask)
  br label %rows.done
rows.done:
  ret void
}

define void @stream(i64 %rows.from, i64 %rows.to, ptr %all.arrays, ptr %all.params) {
rows.entry:
  %y.slot = getelementptr ptr, ptr %all.arrays, i64 0
  %y.base = load ptr, ptr %y.slot
  %z.slot = getelementptr ptr, ptr %all.arrays, i64 1
  %z.base = load ptr, ptr %z.slot
  %out.value.slot = getelementptr ptr, ptr %all.arrays, i64 2
  %out.value.base = load ptr, ptr %out.value.slot
  %out.gradient.slot = getelementptr ptr, ptr %all.arrays, i64 3
  %out.gradient.base = load ptr, ptr %out.gradient.slot
  %out.hessian.slot = getelementptr ptr, ptr %all.arrays, i64 4
  %out.hessian.base = load ptr, ptr %out.hessian.slot
  %out.majorant.slot = getelementptr ptr, ptr %all.arrays, i64 5
  %out.majorant.base = load ptr, ptr %out.majorant.slot
  %c.slot = getelementptr double, ptr %all.params, i64 0
  %c.one = load double, ptr %c.slot
  %c.lane = insertelement %reals poison, double %c.one, i64 0
  %c = shufflevector %reals %c.lane, %reals poison, <4 x i32> zeroinitializer
  %v4 = fmul %reals %c, %c
  %v5 = fmul %reals splat (double 0.5), %v4
  br label %rows.loop
rows.loop:
  %rows.at = phi i64 [ %rows.from, %rows.entry ], [ %rows.next, %rows.whole ]
  %rows.next = add i64 %rows.at, 4
  %rows.fit = icmp sle i64 %rows.next, %rows.to
  br i1 %rows.fit, label %rows.whole, label %rows.rest
rows.whole:
  %y.at.whole = getelementptr double, ptr %y.base, i64 %rows.at
  %y.whole.stored = load %stored, ptr %y.at.whole, align 8
  %y.whole = bitcast %stored %y.whole.stored to %reals
  %z.at.whole = getelementptr double, ptr %z.base, i64 %rows.at
  %z.whole.stored = load %stored, ptr %z.at.whole, align 8
  %z.whole = bitcast %stored %z.whole.stored to %reals
  %results.whole = call %results @formula(%reals %y.whole, %reals %z.whole, %reals %c, %reals %v5)
  %out.value.whole = extractvalue %results %results.whole, 0
  %out.value.whole.stored = bitcast %reals %out.value.whole to %stored
  %out.value.at.whole = getelementptr double, ptr %out.value.base, i64 %rows.at
  store %stored %out.value.whole.stored, ptr %out.value.at.whole, align 32, !nontemporal !0
  %out.gradient.whole = extractvalue %results %results.whole, 1
  %out.gradient.whole.stored = bitcast %reals %out.gradient.whole to %stored
  %out.gradient.at.whole = getelementptr double, ptr %out.gradient.base, i64 %rows.at
  store %stored %out.gradient.whole.stored, ptr %out.gradient.at.whole, align 32, !nontemporal !0
  %out.hessian.whole = extractvalue %results %results.whole, 2
  %out.hessian.whole.stored = bitcast %reals %out.hessian.whole to %stored
  %out.hessian.at.whole = getelementptr double, ptr %out.hessian.base, i64 %rows.at
  store %stored %out.hessian.whole.stored, ptr %out.hessian.at.whole, align 32, !nontemporal !0
  %out.majorant.whole = extractvalue %results %results.whole, 3
  %out.majorant.whole.stored = bitcast %reals %out.majorant.whole to %stored
  %out.majorant.at.whole = getelementptr double, ptr %out.majorant.base, i64 %rows.at
  store %stored %out.majorant.whole.stored, ptr %out.majorant.at.whole, align 32, !nontemporal !0
  br label %rows.loop
rows.rest:
  fence seq_cst
  call void @kernel(i64 %rows.at, i64 %rows.to, ptr %all.arrays, ptr %all.params)
  ret void
}
!0 = !{i32 1}

declare %reals @llvm.fabs.v4f64(%reals)
declare %reals @llvm.fma.v4f64(%reals, %reals, %reals)
declare %stored @llvm.masked.load.v4f64.p0(ptr, %truths, %stored)
declare void @llvm.masked.store.v4f64.p0(%stored, ptr, %truths)
