# Mailboxes that are packed, and in archives: what is whole is read as it is unpacked, what is cut or damaged is an error.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use MailboxTest;
use Memory;

my $date = 'Mon Jan  1 00:00:00 2020';

# Of unlike lines: little of it is lost in a packer.
srand 1;
sub message { my ($n, $lines) = @_; return "Subject: $n\n\n" . join '', map { join('', map { chr 97 + rand 26 } 1 .. 60) . "\n" } 1 .. $lines }
my @texts = map { message($_, $_ * 40) } 1 .. 20;
my $mbox = join '', map {"From a\@x $date\n$_\n"} @texts;
my $expected = [ map { [ 'a@x', $date, $_ ] } @texts ];

my %packer = (gz => 'Gzip', bz2 => 'Bzip2', xz => 'xz', zst => 'zstd');

# What is needed besides perl's own.
sub can_unpack {
    my ($suffix) = @_;
    return $suffix eq 'xz' ? eval { require Compress::Raw::Lzma; 1 } : 1;
}

for my $suffix (sort keys %packer) {
    SKIP: {
        my $packed = can_unpack($suffix) ? packed($packer{$suffix}, $mbox) : undef;
        skip "no $packer{$suffix}", 1 if not defined $packed;
        is_deeply(texts(write_file("box.$suffix", $packed)), $expected, $suffix);
        is_deeply(texts(write_file('box', $packed)), $expected, '... whatever its name is');
        is_deeply(texts(trickle($packed, 997)), $expected, '... from a handle');
        is_deeply(texts(write_file("box.$suffix", packed($packer{$suffix}, substr($mbox, 0, 9999)) . packed($packer{$suffix}, substr $mbox, 9999))), $expected, '... two streams');
        is_deeply(texts(write_file('box.twice', packed('Gzip', $packed))), $expected, '... packed twice');
        is((messages_of(write_file("Old.mbox.$suffix", $packed)))[0][0]->folder, 'Old', '... its folder');
        is_deeply(texts(write_file("box.$suffix", packed($packer{$suffix}, ''))), [], '... nothing');
        for my $cut (map { int(length($packed) * $_ / 12) } 1 .. 11) {
            is_cut(write_file("box.$suffix", substr $packed, 0, $cut), "$suffix, $cut octets");
        }
        is_cut(write_file("box.$suffix", substr $packed, 0, -$_), "$suffix, $_ octets missing") for 1, 2, 5, 9;
        for my $at (map { int(length($packed) * $_ / 12) } 2 .. 11) {
            my $damaged = $packed;
            substr($damaged, $at, 1) ^= "\x55";
            like((messages_of(write_file("box.$suffix", $damaged)))[1], qr/, offset \d+: .*(?:damaged|cut|a From_ line is due)/, "$suffix, octet $at is another: an error");
        }
        is_cut(write_file("box.$suffix", $packed . 'garbage'), "$suffix, garbage behind it", 1);
    }
}
# A small one, cut at every octet.
for my $suffix (sort grep { /\A(?:gz|bz2)\z/ || can_unpack($_) } keys %packer) {
    my $packed = packed($packer{$suffix}, "From a\@x $date\n$texts[0]") or next;
    my @whole = grep { my ($messages, $died) = messages_of(write_file('box', substr $packed, 0, $_), Format => 'mbox'); !$died } length($packed) - 100 .. length($packed) - 1;
    is_deeply(\@whole, [], "$suffix: cut at any of its last octets it is an error");
}
is_deeply(texts(write_file('box.gz', packed('Gzip', $mbox) . "\0" x 1000)), $expected, 'gz, filled up with NULs');

# By a handle that unpacks: what it says of its data is an error.
for my $cut (1 .. 9, 100, int(length(packed(Gzip => $mbox)) / 2)) {
    require IO::Uncompress::Gunzip;
    my ($messages, $died) = messages_of(IO::Uncompress::Gunzip->new(write_file('box.gz', substr packed(Gzip => $mbox), 0, -$cut)));
    like($died, qr/\Athe handle, offset \d+: cannot read it: .+ at t/, "a handle on a gz, $cut octets missing: an error");
    cmp_ok(@$messages, '<', @$expected, '... not all messages');
    is_deeply([ map { [ $_->sender, $_->date, $_->as_string ] } @$messages ], [ @{$expected}[ 0 .. $#$messages ] ], '... and whole ones');
}

# Whole messages from the front, then an error that names the file. All of them may be there, where what is wrong is behind.
sub is_cut {
    my ($path, $name, $may_be_whole) = @_;
    my $got = texts($path);
    my $died = @$got && !ref $got->[-1] ? pop @$got : '';
    like($died, qr/\A\Q$path\E, offset \d+: .*(?:damaged|cut)/, "$name: an error");
    my $most = $may_be_whole ? @$expected : $#$expected;
    is_deeply($got, [ @{$expected}[ 0 .. $#$got ] ], '... and whole messages') if @$got <= $most;
    cmp_ok(@$got, '<=', $most, '... not all of them');
}

# ---- archives

my $eml = message(0, 3);
my @members = (
    [ 'Mail/Old.mbox'                          => $mbox ],
    [ 'Mail/notes.txt'                         => "Notes: none\n" ],
    [ 'Mail/Sub.sbd/Deep'                      => $mbox ],
    [ 'Maildir/cur/1600000000.M1P1.host:2,S'   => $eml ],
    [ 'Maildir/.Sent.2020/new/1600000000.a.b'  => $eml ],
    [ 'docs/new/readme'                        => "Readme: none\n" ],
    [ 'MH/inbox/12'                            => $eml ],
    [ 'MH/inbox/13'                            => "no mail\n" ],
    [ 'x/' . 'long' x 30 . '/' . 'name' x 30 . '.eml' => $eml ],
    [ 'x/packed.mbox.gz'                       => packed('Gzip', $mbox) ],
    [ 'x/empty.eml'                            => '' ],
);
my @wanted = (
    (map { [ 'Mail/Old',      $_ ] } @texts), (map { [ 'Mail/Sub/Deep', $_ ] } @texts),
    [ 'Maildir',           $eml ], [ 'Maildir/Sent/2020', $eml ], [ 'MH/inbox',          $eml ], [ 'x/' . 'long' x 30,  $eml ],
    (map { [ 'x/packed', $_ ] } @texts),
);

# A record of tar, and its octets.
sub record {
    my ($name, $type, $octets, %as) = @_;
    my $size = defined $as{size} ? $as{size} : sprintf '%011o ', length $octets;
    my $head = pack 'a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 a32 a32 a8 a8 a155 x12', $name, '0000644', '0000000', '0000000', $size, '00000000000', ' ' x 8, $type, '',
        "ustar\0", '00', '', '', '', '', defined $as{prefix} ? $as{prefix} : '';
    substr $head, 148, 8, sprintf "%06o\0 ", unpack '%32C*', $head;
    return $head . $octets . "\0" x (-length($octets) % 512);
}

my $end = "\0" x 1024;
sub pax { my ($name, $value) = @_; my $text = " $name=$value\n"; my $n = length($text) + 2; $n++ while $n != length "$n$text"; return record('x', 'x', "$n$text") }

my %archive = (
    tar             => join('', (map { length $_->[0] > 100 ? record('L', 'L', "$_->[0]\0") . record('x', 0, $_->[1]) : record($_->[0], 0, $_->[1]) } @members), $end),
    'tar by POSIX'  => join('', record('g', 'g', "12 a=b\n"), (map { (pax(path => $_->[0]), record('x', "\0", $_->[1])) } @members), $end),
    'tar by prefix' => join('', (map { my ($prefix, $name) = $_->[0] =~ m{\A(.*)/(.*)\z}; length $name > 100 ? record('L', 'L', $_->[0]) . record('x', 0, $_->[1]) : record($name, 0, $_->[1], prefix => $prefix) } @members), $end),
    'tar with others' => join('', record('Mail/', 5, ''), record('link', 2, ''), record('hard', 1, ''), (map { record(length $_->[0] > 100 ? 'x/' . 'long' x 30 . '/1.eml' : "./$_->[0]", 0, $_->[1],
        length $_->[0] > 100 ? (prefix => '') : ()) } grep { length $_->[0] <= 100 } @members[ 0 .. 7 ]), record('L', 'L', $members[8][0]), record('x', 7, $eml),
        record($members[9][0], 0, $members[9][1], size => "\x80" . pack 'x3 N N', 0, length $members[9][1]), record($members[10][0], 0, ''), $end),
    zip             => zip_of(@members),
);

sub zip_of {
    my (@files) = @_;
    require IO::Compress::Zip;
    my ($first, @rest) = @files;
    my $zip = IO::Compress::Zip->new(\my $octets, Name => $first->[0]) or die;
    $zip->print($first->[1]);
    for my $file (@rest) { $zip->newStream(Name => $file->[0]); $zip->print($file->[1]) }
    $zip->close;
    return $octets;
}

sub contents {
    my ($place) = @_;
    my @found;
    my $mailbox = Mail::Wire::Mailbox->new($place);
    my $ok = eval { while (my $message = $mailbox->next) { push @found, [ $message->folder, $message->as_string ] } 1 };
    return (\@found, [ map { s/.*: //s; $_ } $mailbox->skipped ], $ok ? '' : $@);
}

for my $kind (sort keys %archive) {
    my $octets = $archive{$kind};
    for my $how ('', 'Gzip', 'a handle', 'in a tar', 'in a packed tar') {
        my $place = $how eq '' ? write_file('backup', $octets) : $how eq 'a handle' ? trickle($octets, 3000)
            : $how eq 'Gzip' ? write_file('backup.gz', packed(Gzip => $octets))
            : write_file('backup', $how eq 'in a tar' ? record('in.zip', 0, $octets) . $end : packed(Bzip2 => record('in.tar', 0, $octets) . $end));
        my ($found, $skipped, $died) = contents($place);
        my $in = $how !~ /tar/ ? '' : $how eq 'in a tar' && $kind eq 'zip' ? 'in/' : $how =~ /packed/ && $kind =~ /tar/ ? 'in/' : 'in.zip/';
        $_->[0] =~ s{\Ain(?:\.zip|\.tar)?/}{} for @$found;
        is($died, '', "$kind $how: read");
        is_deeply($found, \@wanted, '... all of it');
        is_deeply($skipped, [ $kind eq 'tar with others' ? qw(link hard) : (), 'Mail/notes.txt', 'docs/new/readme', 'MH/inbox/13', 'x/empty.eml' ], '... and what is no mail is named');
    }
}

# A tar that is no other file's part is sent from where it is.
my ($messages) = messages_of(write_file('backup.tar', $archive{tar}));
ok($messages->[0]->range && $messages->[0]->as_string eq $texts[0], 'a message in a tar is a stretch of the tar');

# ---- what a tar has that cannot be given, and is not passed over in silence

{
    my $holes = record('holes.eml', 'S', $eml);
    substr $holes, 482, 1, "\1";
    substr $holes, 148, 8, sprintf "%06o\0 ", unpack '%32C*', substr($holes, 0, 148) . ' ' x 8 . substr $holes, 156, 356;
    substr $holes, 512, 0, 'm' x 504 . "\1" . "\0" x 7 . 'm' x 504 . "\0" x 8;
    my $last = record('last.eml', 0, $eml);
    for my $case (
        [ 'a hard link'                 => record('link.eml', 1, ''),                                                    'link.eml' ],
        [ 'one that says a size'        => record('link.eml', 1, '', size => '00000000001 '),                            'link.eml' ],
        [ 'a file with holes'           => record('holes.eml', 'S', $eml),                                               'holes.eml' ],
        [ 'one with many of them'       => $holes,                                                                       'holes.eml' ],
        [ 'one by POSIX'                => pax('GNU.sparse.major' => 1) . record('holes.eml', 0, $eml),                  'holes.eml' ],
        [ 'one with a name of its own'  => pax('GNU.sparse.name' => 'holes.eml') . record('GNUSparseFile/1', 0, $eml),   'holes.eml' ],
        [ 'a part of a file'            => record('part.eml', 'M', $eml),                                                'part.eml' ],
        [ 'folders and devices'         => join '', map { record('x', $_, '') } 3 .. 6, 'D', 'V' ],
    ) {
        my ($name, $octets, @skipped) = @$case;
        for my $place (write_file('backup', $octets . $last . $end), trickle($octets . $last . $end, 700)) {
            my ($found, $skipped, $died) = contents($place);
            is($died, '', "$name: read");
            is_deeply([ map { $_->[1] } @$found ], [$eml], '... what is behind it');
            is_deeply($skipped, \@skipped, '... and it is named');
        }
    }
}

# ---- archives by mistake: who sends a mail chooses its first bytes

{
    my $mail = sub { my ($magic) = @_; my $head = record("Subject: hello\n\n", 0, ''); substr $head, 257, 6, $magic; substr $head, 148, 8, ' ' x 8; substr $head, 148, 8, sprintf "%06o\0 ", unpack '%32C*', $head; return $head . $end . "text\n" };
    my ($with, $without) = ($mail->("ustar\0"), $mail->(''));
    for my $octets ($with, $without, "PK\x03\x04") {
        for my $case ([ 'a.eml', Format => 'eml' ], [ 'a', Format => 'eml' ], [ 'in/a.eml' ], [ 'in/cur/1600000000.a.b' ], [ 'in/cur/a' ], [ 'in/1', Format => 'mh' ]) {
            my ($name, @options) = @$case;
            my $path = write_file($name, $octets);
            (my $folder = $path) =~ s{/in/.*}{/in};
            mkdir "$folder/new" if $name =~ /cur/;
            my ($got, $died) = messages_of($folder, @options);
            is_deeply([ (map { $_->as_string } @$got), $died ], [ $octets, '' ], "@$case: a mail");
        }
    }
    is((messages_of(write_file('mail', $with)))[0][0]->as_string, $with, 'a mail that nothing but its header tells');
    (my $old = record('a.eml', 0, $eml)) =~ s/ustar\x0000/"\0" x 8/e;
    substr $old, 148, 8, sprintf "%06o\0 ", unpack '%32C*', substr($old, 0, 148) . ' ' x 8 . substr $old, 156, 356;
    for my $path (write_file('old.tar', $old . $end), write_file('old.tgz', packed(Gzip => $old . $end))) {
        is_deeply((contents($path))[0], [ [ 'old', $eml ] ], 'an old tar, by its name');
    }
    like((messages_of(write_file('old', $old . $end)))[1], qr/is no mailbox/, '... and not without it');
    is_deeply((messages_of(write_file('takeout', zip_of([ 'a.mbox' => $mbox ])), Format => 'takeout'))[0][1]->as_string, $texts[1], 'a Format of what is in an archive');
}

# A name with line ends in it, one of which looks like another record.
for my $name ("two\nlines.mbox", "a\n30 size=0\n.mbox") {
    my ($found, undef, $died) = contents(write_file('backup', pax(path => $name) . record('x.mbox', 0, $mbox) . $end));
    is_deeply([ map { $_->[1] } @$found ], \@texts, 'a tar whose name has a line end: all of its messages') or diag $died;
}

# ---- archives that are cut or damaged

for my $kind ('tar', 'zip') {
    my $octets = $archive{$kind};
    for my $cut (512, 700, 1024, 5000, int(length($octets) / 2), length($octets) - 5000, length($octets) - 1024) {
        for my $how ('', 'Gzip') {
            my $cut_short = substr $octets, 0, $cut;
            my ($found, undef, $died) = contents(write_file('backup', $how ? packed($how => $cut_short) : $cut_short));
            like($died, qr/backup.*, offset \d+: .*(?:cut|damaged)/, "$kind $how, $cut octets: an error");
            is_deeply($found, [ @wanted[ 0 .. $#$found ] ], '... and whole messages');
        }
    }
}
for my $case (
    [ 'a header that is none' => substr($archive{tar}, 0, 512) . substr($archive{tar}, 700),                         qr/a header is due|cut/ ],
    [ 'a size that is none'   => record('a.eml', 0, $eml, size => 'x' x 12) . $end,                                  qr/a size in the archive is none/ ],
    [ 'a name without an end' => record('L', 'L', '', size => '77777777777') . $end,                                 qr/a name in the archive is too long/ ],
    [ 'zeros for a header'    => record('a.eml', 0, $eml) . "\0" x 512 . record('b.eml', 0, $eml) . $end,                qr/offset \d+: the archive goes on behind an end mark/ ],
    [ 'two in one'            => $archive{tar} . $archive{tar},                                                      qr/offset \d+: the archive goes on behind an end mark/ ],
    [ 'junk behind it'        => "$archive{tar}junk",                                                                qr/offset \d+: the archive goes on behind an end mark/ ],
    [ 'a header too short'    => record('x', 'x', "99 path=a\n") . record('a.eml', 0, $eml) . $end,                   qr/offset \d+: a header in the archive is damaged/ ],
    [ 'one without lengths'   => record('x', 'x', "path=a\n") . record('a.eml', 0, $eml) . $end,                      qr/offset \d+: a header in the archive is damaged/ ],
    [ 'a record of no line'   => record('x', 'x', '9 path=ab') . record('a.eml', 0, $eml) . $end,                     qr/offset \d+: a header in the archive is damaged/ ],
    [ 'a member too large'    => record('a.eml', 0, $eml, size => '77777777777 ') . $end,                            qr/it is cut/ ],
) {
    my ($name, $octets, $wanted) = @$case;
    like((contents(write_file('backup', $octets)))[2], $wanted, $name);
}
{
    my $zip = zip_of([ 'a.eml' => $eml ], [ 'b.eml' => $eml ]);
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    for my $at (rindex($zip, "PK\x03\x04"), length $zip) {
        (my $octets = $zip) =~ s/\A.{$at}\K/junk of no file/s;
        my ($found, $skipped, $died) = contents(write_file('backup.zip', $octets));
        like($died, qr/offset [1-9]\d+: the archive is cut, damaged or .*: what follows is no file/, 'a zip with junk in it');
        is_deeply($skipped, [], '... which is not one of its files');
    }
    is_deeply(\@warned, [], '... and nothing warns');
}
{
    my $damaged = zip_of([ 'a.eml' => $eml ]);
    substr($damaged, index($damaged, 'a.eml') + 40, 1) ^= "\x55";
    my ($found, undef, $died) = contents(write_file('backup.zip', $damaged));
    like($died, qr/cut, damaged/, 'a zip with another octet');
    is_deeply($found, [], '... gives nothing');
}

# ---- memory

SKIP: {
    my $before = Memory::resident('VmHWM') or skip 'no /proc that tells', 1;
    my $path = write_file('large.gz', packed(Gzip => join '', map { "From a\@x $date\nA: b\n\n" . 'x' x 76 . "\n" . "text of no length\n" x 500_000 . "From " . 'x' x 5e6 . "\n\n" } 1 .. 3));
    my $start = Memory::resident();
    my $mailbox = Mail::Wire::Mailbox->new($path);
    my $count = 0;
    $count++ while $mailbox->next;
    is($count, 3, 'three messages of 14 MB');
    cmp_ok(Memory::resident() - $start, '<', 8000, '... and memory is what it was, less than one of them more');
}

done_testing;
