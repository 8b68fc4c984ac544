package Bench::Rows;

# What is measured: one row for each kind of work, in it the programs that do it, on the same sink.
#
# A row:
#   name, title       --only takes the name
#   unit, factor      of the rate: units counted per second, times factor
#   each              what one unit is, for the processor time; none: not shown
#   sink              the sink's options; none: no sink
#   baseline          the program that the ratios compare with
#   goal              [program, ratio that it is to reach, in words]
#   trip              seconds of the artificial round trip: the rate is then round trips per unit
#   programs          in the order of the table
#
# A program:
#   name, kind        kind: limit (bare C), ours, peer
#   run               the command; PORT and COUNT are filled in
#   count             how many units: [in a full run, in a quick one; 0: not then]
#   factor            instead of the row's
#   timed             true: it does not measure itself
#   once              true: it runs once only, as it takes long
#   sink              instead of the row's

use strict;
use warnings;

use Config;

# A message, and a block of a large one, in bytes.
use constant { SMALL => 2048, BLOCK => 1_000_000 };

# A message of the mbox, with its From_ line and the blank line behind it.
use constant MAIL => 4096;

# The sinks: everything that LMTP servers offer; QMTP.
my @LMTP = qw(--pipelining --chunking);
my @QMTP = qw(--qmtp);
my @DELAY = qw(--delay 10);

# Commands.
my ($dir, $bin, $big_file, $lf_file, $mbox, $pem, $huge);
my (%can, @missing);

sub c_client { my ($mode, $size, @more) = @_; return [ $bin->{client}, $mode, 'PORT', 'COUNT', $size, @more ] }
sub ours     { my ($mode, $size, @more) = @_; return [ $^X, "$dir/ours.pl", split(' ', $mode), 'PORT', 'COUNT', $size, @more ] }
sub peer_tls { my ($mode, $size) = @_; return [ $^X, "$dir/peer_tls.pl", $mode, 'PORT', 'COUNT', $size ] }

sub net_smtp {
    my ($mode, $size, @more) = @_;
    return [ $^X, "$dir/peer_net_smtp.pl", $mode, 'PORT', 'COUNT', $size, @more ];
}

sub scan { return [ $bin->{scan}, $_[0], 'COUNT' ] }

# The first of these that can be run.
sub installed {
    my (@paths) = @_;
    my ($found) = grep { -x } @paths;
    push @missing, $paths[0] if !$found;
    return $found;
}

sub smtp_source {
    my $path = installed('/usr/sbin/smtp-source', '/usr/local/sbin/smtp-source') or return;
    return {
        name  => 'smtp-source -L (Postfix, C)',
        kind  => 'peer',
        count => [ 5000, 300 ],
        timed => 1,
        run   => [ $path, '-L', '-d', '-l', SMALL, '-m', 'COUNT', '127.0.0.1:PORT' ],
    };
}

sub smtplib {
    my $python = installed('/usr/bin/python3', '/usr/local/bin/python3') or return;
    return {
        name  => 'smtplib.LMTP (Python)',
        kind  => 'peer',
        count => [ 3000, 200 ],
        run   => [ $python, "$dir/peer_smtplib.py", 'PORT', 'COUNT', SMALL ],
    };
}

sub amavis {
    my ($found) = grep { -e "$_/Amavis/Out/SMTP/Protocol.pm" } @INC;
    if (!defined $found) {
        push @missing, 'amavisd-new';
        return;
    }
    return {
        name  => 'amavisd-new (Perl)',
        kind  => 'peer',
        count => [ 3000, 200 ],
        run   => [ $^X, "$dir/peer_amavis.pl", 'PORT', 'COUNT', SMALL ],
    };
}

# ---- LMTP

sub old_style {
    return {
        name     => 'old-style',
        title    => 'Old-style calls: 2 KB, 1 recipient, one command at a time',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@LMTP,
        baseline => 'bare C loop',
        goal     => [ 'Net::LMTP', 1.1, 'of the bare loop' ],
        callgrind => 1,
        programs => [
            { name => 'bare C loop', kind => 'limit', count => [ 5000, 300 ], run => c_client('lmtp-loop', SMALL) },
            { name => 'Net::LMTP', kind => 'ours', count => [ 5000, 300 ], run => ours('old-style', SMALL) },
            smtp_source(),
            smtplib(),
            { name => 'Net::SMTP with LHLO, TCP_NODELAY', kind => 'peer', count => [ 2000, 200 ],
                run => net_smtp('old-style', SMALL) },
            { name => 'Net::SMTP with LHLO', kind => 'peer', count => [ 20, 3 ],
                run => net_smtp('old-style', SMALL, 'nagle') },
        ],
    };
}

sub deliver {
    return if !$can{deliver};
    return {
        name     => 'deliver',
        title    => 'deliver: 2 KB, 1 recipient, two round trips a message',
        unit     => 'messages/s',
        each     => 'message',
        sink     => ['--pipelining'],
        baseline => 'bare C client, pipelined',
        goal     => [ 'Net::LMTP deliver', 1, 'of the bare pipelined loop, and 2.5 times smtp-source' ],
        callgrind => 1,
        programs => [
            { name => 'bare C client, pipelined', kind => 'limit', count => [ 8000, 500 ],
                run => c_client('lmtp-pipelined', SMALL) },
            { name => 'Net::LMTP deliver', kind => 'ours', count => [ 8000, 500 ], run => ours('deliver', SMALL) },
            smtp_source(),
            amavis(),
        ],
    };
}

sub submit {
    return if !$can{submit};
    return {
        name     => 'submit',
        title    => 'submit: 2 KB, 1 recipient',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@LMTP,
        baseline => 'bare C client, BDAT, one write each',
        goal     => [ 'Net::LMTP submit, CHUNKING', 0.9, 'of the bare stream' ],
        callgrind => 1,
        programs => [
            { name => 'bare C client, BDAT, one write each', kind => 'limit', count => [ 30_000, 1000 ],
                run => c_client('lmtp-bdat', SMALL) },
            { name => 'Net::LMTP deliver, DATA', kind => 'ours', count => [ 8000, 500 ], sink => ['--pipelining'],
                run => ours('deliver', SMALL) },
            { name => 'Net::LMTP submit, DATA', kind => 'ours', count => [ 8000, 500 ], sink => ['--pipelining'],
                run => ours('submit', SMALL) },
            { name => 'Net::LMTP submit, CHUNKING', kind => 'ours', count => [ 20_000, 1000 ],
                run => ours('submit', SMALL) },
        ],
    };
}

# How the content is given, and with what options: none may be a cliff.
my @FORMS = ([ 'a string' => 'string' ], [ 'a list of lines' => 'list' ], [ 'code' => 'code' ], [ 'a handle' => 'handle' ],
    [ 'File' => 'file' ], [ 'Deadline' => 'deadline' ]);

sub arguments {
    my ($name, $class, $mode, $sink, @forms) = @_;
    my @programs = map { {
        name => "$class, $_->[0]", kind => 'ours', count => [ $mode =~ /submit/ ? 20_000 : 5000, 500 ], run => ours($mode, SMALL, $_->[1]),
    } } @FORMS, @forms;
    return {
        name     => "$name-arguments",
        title    => "$name: 2 KB, 1 recipient, from a string and otherwise",
        unit     => 'messages/s',
        each     => 'message',
        sink     => $sink,
        baseline => "$class, a string",
        goal     => [ "$class, code", 0.4, 'of from a string; a list 0.5, a handle and File 0.4, options 0.7' ],
        callgrind => 1,
        programs => \@programs,
    };
}

sub lmtp_arguments {
    my ($mode, @sink) = @_;
    return arguments($mode, 'Net::LMTP', $mode, \@sink, [ 'Size, Bits, Deadline' => 'options' ], [ 'Envelope, Return' => 'envelope' ],
        [ 'Notify and ORcpt of the recipient' => 'rcpts' ]);
}

sub qmtp_arguments { return arguments('qmtp-submit', 'Net::QMTP', 'qmtp-submit', \@QMTP, [ 'Encoding' => 'encoding' ]) }

sub lines {
    return {
        name     => 'lines',
        title    => 'datasend by lines of 73 bytes',
        unit     => 'million lines/s',
        factor   => 1e-6,
        each     => 'line',
        sink     => \@LMTP,
        baseline => 'Net::Cmd',
        goal     => [ 'Net::LMTP', 40, 'times Net::Cmd' ],
        callgrind => 1,
        programs => [
            { name => 'Net::Cmd', kind => 'peer', count => [ 100_000, 4000 ],
                run => net_smtp('lmtp-lines', 0, 'nagle') },
            { name => 'Net::LMTP', kind => 'ours', count => [ 1_000_000, 100_000 ], run => ours('lmtp-lines', 0) },
        ],
    };
}

sub blocks {
    return {
        name     => 'blocks',
        title    => 'datasend by blocks of 1 MB, lines ended by LF',
        unit     => 'MB/s',
        each     => 'MB',
        sink     => \@LMTP,
        baseline => 'bare C client, line ends mended',
        goal     => [ 'Net::LMTP', 0.9, 'of the bare loop that does the same' ],
        programs => [
            { name => 'bare C client, line ends mended', kind => 'limit', count => [ 2000, 100 ],
                run => c_client('lmtp-mended', BLOCK) },
            { name => 'Net::LMTP', kind => 'ours', count => [ 2000, 50 ], run => ours('lmtp-blocks', BLOCK) },
            { name => 'Net::LMTP, lines ended by CRLF', kind => 'ours', count => [ 2000, 50 ],
                run => ours('lmtp-blocks', BLOCK, 'crlf') },
            { name => 'Net::Cmd', kind => 'peer', count => [ 30, 2 ], run => net_smtp('lmtp-blocks', BLOCK) },
            { name => 'bare C client, no dots looked for', kind => 'limit', count => [ 2000, 100 ],
                run => c_client('lmtp-blocks', BLOCK) },
        ],
    };
}

sub scan_alone {
    return {
        name     => 'scan',
        title    => 'Line ends and dots alone: 64 KB in cache, lines of 73 bytes',
        unit     => 'GB/s',
        factor   => 1e-9,
        baseline => 'memcpy',
        goal     => [ 'scan, nothing to change', undef, '8 GB/s' ],
        programs => [
            { name => 'memcpy', kind => 'limit', count => [ 4000, 400 ], run => scan('memcpy') },
            { name => 'scan, nothing to change', kind => 'ours', count => [ 4000, 400 ], run => scan('clean') },
            { name => 'copy with each LF made CRLF', kind => 'ours', count => [ 2000, 200 ], run => scan('expand') },
        ],
    };
}

# ---- QMTP

sub qmtp_send {
    return {
        name     => 'qmtp-send',
        title    => 'QMTP, one package at a time: 2 KB, 1 recipient',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@QMTP,
        baseline => 'bare C loop',
        callgrind => 1,
        programs => [
            { name => 'bare C loop', kind => 'limit', count => [ 10_000, 1000 ], run => c_client('qmtp-loop', SMALL) },
            { name => 'Net::QMTP send', kind => 'ours', count => [ 10_000, 500 ], run => ours('qmtp-send', SMALL) },
            !$can{qmtp_deliver} ? () : { name => 'Net::QMTP deliver', kind => 'ours', count => [ 10_000, 500 ],
                run => ours('qmtp-deliver', SMALL) },
        ],
    };
}

sub qmtp_stream {
    return {
        name     => 'qmtp-stream',
        title    => 'QMTP, packages back to back: 2 KB, 1 recipient',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@QMTP,
        baseline => 'bare C client, one write each',
        goal     => $can{qmtp_submit} ? [ 'Net::QMTP submit', 0.95, 'of the bare stream' ] : undef,
        callgrind => 1,
        programs => [
            { name => 'bare C client, one write each', kind => 'limit', count => [ 50_000, 5000 ],
                run => c_client('qmtp-stream', SMALL) },
            !$can{qmtp_submit} ? () : { name => 'Net::QMTP submit', kind => 'ours', count => [ 30_000, 2000 ],
                run => ours('qmtp-submit', SMALL) },
        ],
    };
}

# Blocks of the file: 1 GB, or a few.
sub file_blocks { return $_[0] ? 64 : 1000 }

sub file {
    my $size = size_name((-s $big_file) || 0);
    return {
        name     => 'file',
        title    => "A message of $size from a file",
        unit     => 'MB/s',
        each     => 'MB',
        sink     => \@QMTP,
        baseline => 'bare C client, from memory',
        goal     => [ 'Net::QMTP message_from_file', undef, 'less than 8 MB over start' ],
        programs => [
            { name => 'bare C client, from memory', kind => 'limit', count => [ file_blocks(0), file_blocks(1) ],
                run => c_client('qmtp-blocks', BLOCK) },
            { name => 'Net::QMTP message_from_file', kind => 'ours', count => [ file_blocks(0), file_blocks(1) ],
                run => ours('qmtp-file', BLOCK, $big_file) },
            { name => 'Net::LMTP deliver, CHUNKING', kind => 'ours', count => [ file_blocks(0), file_blocks(1) ], sink => \@LMTP,
                run => ours('lmtp-file', BLOCK, $big_file) },
            { name => 'Net::LMTP deliver, DATA', kind => 'ours', count => [ file_blocks(0), file_blocks(1) ], sink => ['--pipelining'],
                run => ours('lmtp-file', BLOCK, $big_file) },
        ],
    };
}

# The same with lines that end in LF, so that each end is mended on the way.
sub lf_file {
    my @count = (file_blocks(0), file_blocks(1));
    return {
        name     => 'lf-file',
        title    => 'A message of ' . size_name((-s $lf_file) || 0) . ' from a file, lines ended by LF',
        unit     => 'MB/s',
        each     => 'MB',
        sink     => \@LMTP,
        baseline => 'bare C client: read, mend, write',
        goal     => [ 'Net::LMTP deliver', 0.9, 'of the bare loop' ],
        programs => [
            { name => 'bare C client: read, mend, write', kind => 'limit', count => \@count,
                run => c_client('lmtp-file', BLOCK, $lf_file) },
            { name => 'Net::LMTP deliver', kind => 'ours', count => \@count, run => ours('lmtp-file', BLOCK, $lf_file) },
            { name => 'Net::LMTP deliver, without CHUNKING', kind => 'ours', count => \@count, sink => ['--pipelining'],
                run => ours('lmtp-file', BLOCK, $lf_file) },
        ],
    };
}

# COUNT is that of the blocks that the message has, so that all rates are those of bytes.
sub memory {
    my @count = (file_blocks(0), file_blocks(1));
    return {
        name     => 'memory',
        title    => 'deliver: a message of ' . size_name(file_blocks(0) * BLOCK) . ' in memory',
        unit     => 'MB/s',
        each     => 'MB',
        sink     => \@LMTP,
        baseline => 'Net::LMTP datasend by blocks of 1 MB, LF',
        goal     => [ 'Net::LMTP deliver, LF', 1, 'of datasend, and less than 8 MB over start' ],
        programs => [
            { name => 'Net::LMTP datasend by blocks of 1 MB, LF', kind => 'ours', count => \@count,
                run => ours('lmtp-blocks', BLOCK) },
            { name => 'Net::LMTP deliver, LF', kind => 'ours', count => \@count, run => ours('lmtp-memory', BLOCK) },
            { name => 'Net::LMTP deliver, CRLF', kind => 'ours', count => \@count,
                run => ours('lmtp-memory', BLOCK, 'crlf') },
        ],
    };
}

# ---- TLS

sub tls_sink { return @_, '--tls', $pem }

sub tls_blocks {
    return {
        name     => 'tls-blocks',
        title    => 'TLS: datasend by blocks of 1 MB, lines ended by CRLF',
        unit     => 'MB/s',
        each     => 'MB',
        sink     => [ tls_sink(@LMTP) ],
        baseline => 'IO::Socket::SSL, writes of 64 KB',
        goal     => [ 'Net::LMTP', 0.9, 'of the bare writes' ],
        programs => [
            { name => 'IO::Socket::SSL, writes of 64 KB', kind => 'limit', count => [ 500, 20 ], run => peer_tls('blocks', BLOCK) },
            { name => 'Net::LMTP', kind => 'ours', count => [ 500, 20 ], run => ours('--tls lmtp-blocks', BLOCK, 'crlf') },
        ],
    };
}

sub tls_deliver {
    return {
        name     => 'tls-deliver',
        title    => 'TLS: deliver, 2 KB, 1 recipient',
        unit     => 'messages/s',
        each     => 'message',
        sink     => [ tls_sink('--pipelining') ],
        baseline => 'IO::Socket::SSL, pipelined by hand',
        goal     => [ 'Net::LMTP deliver', 0.8, 'of the bare ping-pong' ],
        programs => [
            { name => 'IO::Socket::SSL, pipelined by hand', kind => 'limit', count => [ 4000, 200 ], run => peer_tls('pipelined', SMALL) },
            { name => 'Net::LMTP deliver', kind => 'ours', count => [ 4000, 200 ], run => ours('--tls deliver', SMALL) },
        ],
    };
}

sub tls_submit {
    return {
        name     => 'tls-submit',
        title    => 'TLS: submit, 2 KB, 1 recipient',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@LMTP,
        baseline => 'Net::LMTP submit, in plain',
        goal     => [ 'Net::LMTP submit, TLS', 0.7, 'of the same in plain' ],
        programs => [
            { name => 'Net::LMTP submit, in plain', kind => 'ours', count => [ 20_000, 1000 ], run => ours('submit', SMALL) },
            { name => 'Net::LMTP submit, TLS', kind => 'ours', count => [ 20_000, 1000 ], sink => [ tls_sink(@LMTP) ],
                run => ours('--tls submit', SMALL) },
        ],
    };
}

sub tls {
    return (tls_blocks(), tls_deliver(), tls_submit()) if $bin->{tls} and defined $pem and eval { require IO::Socket::SSL };
    push @missing, 'TLS (IO::Socket::SSL, OpenSSL with its headers and command)';
    return;
}

# ---- mailboxes

sub reader {
    my ($module, $kind, $count) = @_;
    (my $file = "$module.pm") =~ s{::}{/}g;
    if (!eval { require $file }) {
        push @missing, $module;
        return;
    }
    return { name => $module, kind => $kind, count => $count, run => [ $^X, "$dir/mailbox.pl", $module, $mbox, 'COUNT' ] };
}

sub readers {
    return {
        name     => 'mailbox',
        title    => 'An mbox read, messages of 4 KB',
        unit     => 'MB/s',
        factor   => MAIL / 1e6,
        each     => 'message',
        baseline => 'Mail::Mbox::MessageParser',
        goal     => [ 'Mail::Wire::Mailbox', undef, '400 MB/s' ],
        programs => [
            reader('Mail::Wire::Mailbox', 'ours', [ 50_000, 2000 ]), reader('Mail::Mbox::MessageParser', 'peer', [ 5000, 200 ]),
            reader('Email::Folder', 'peer', [ 5000, 200 ]), reader('Mail::Box::Mbox', 'peer', [ 2000, 0 ]),
        ],
    };
}

sub import_mbox {
    return if !$can{submit};
    return {
        name     => 'import',
        title    => 'An mbox handed on, messages of 4 KB',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@LMTP,
        baseline => 'Net::LMTP submit, from memory',
        goal     => [ 'Net::LMTP submit, from the mbox', 0.8, 'of submit from memory' ],
        programs => [
            { name => 'Net::LMTP submit, from memory', kind => 'ours', count => [ 20_000, 1000 ], run => ours('submit', MAIL) },
            { name => 'Net::LMTP submit, from the mbox', kind => 'ours', count => [ 20_000, 1000 ], run => ours('import', MAIL, $mbox) },
            { name => 'mailwire import, with a journal', kind => 'ours', count => [ 20_000, 1000 ], run => ours('command', MAIL, $mbox) },
        ],
    };
}

sub pool {
    return if !$can{submit};
    return {
        name     => 'pool',
        title    => 'Mail::Wire::Pool: 2 KB, 1 recipient',
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@LMTP,
        baseline => 'Net::LMTP submit',
        goal     => [ '4 links', 0.95, 'of submit on one link' ],
        programs => [
            { name => 'Net::LMTP submit', kind => 'ours', count => [ 20_000, 1000 ], run => ours('submit', SMALL) },
            map { { name => $_ == 1 ? '1 link' : "$_ links", kind => 'ours', count => [ 20_000, 1000 ], run => ours('pool', SMALL, $_) } } 1, 2, 4,
        ],
    };
}

# ---- a distant server

sub trip_program {
    my ($name, $kind, $run, $count, @sink) = @_;
    return { name => $name, kind => $kind, run => $run, count => $count, sink => [ @sink, @DELAY ] };
}

sub trips {
    my @few = ([ 20, 2 ]);
    my @many = ([ 400, 40 ]);
    return {
        name     => 'trip',
        title    => 'A round trip of 10 ms: 2 KB, 1 recipient',
        unit     => 'round trips per message',
        each     => 'message',
        trip     => 0.010,
        sink     => \@LMTP,
        baseline => 'bare C loop',
        programs => [
            trip_program('bare C loop', 'limit', c_client('lmtp-loop', SMALL), @few, @LMTP),
            trip_program('Net::LMTP, old-style calls', 'ours', ours('old-style', SMALL), @few, @LMTP),
            !$can{deliver} ? () : (
                trip_program('Net::LMTP deliver, PIPELINING', 'ours', ours('deliver', SMALL), @few, '--pipelining'),
                trip_program('Net::LMTP deliver, CHUNKING', 'ours', ours('deliver', SMALL), @few, @LMTP),
            ),
            !$can{submit} ? () : (
                trip_program('Net::LMTP submit, PIPELINING', 'ours', ours('submit', SMALL), [ 100, 10 ], '--pipelining'),
                trip_program('Net::LMTP submit, CHUNKING', 'ours', ours('submit', SMALL), @many, @LMTP),
            ),
            trip_program('Net::QMTP send', 'ours', ours('qmtp-send', SMALL), @few, @QMTP),
            !$can{qmtp_submit} ? ()
                : trip_program('Net::QMTP submit', 'ours', ours('qmtp-submit', SMALL), @many, @QMTP),
        ],
    };
}

# ---- growth

# As many units as make up the total, at least one, at most most.
sub share {
    my ($total, $one, $most) = @_;
    my $count = int $total / $one;
    return $count < 1 ? 1 : $count > $most ? $most : $count;
}

# Lists of names and sizes in powers of ten.
sub sizes {
    my @sizes = (1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000);
    push @sizes, 1_000_000_000 if $huge;
    return map { [ size_name($_), $_ ] } @sizes;
}

sub size_name {
    my ($size) = @_;
    return $size >= 1e9 ? $size / 1e9 . ' GB' : $size >= 1e6 ? $size / 1e6 . ' MB' : $size / 1e3 . ' KB';
}

sub thousands {
    my ($number) = @_;
    1 while $number =~ s/\A(\d+)(\d{3})/$1,$2/;
    return $number;
}

sub recipients {
    my @programs = map { {
        name   => thousands($_) . ($_ == 1 ? ' recipient' : ' recipients'),
        kind   => 'ours',
        factor => $_,
        count  => [ share(20_000, $_, 5000), share(1000, $_, 100) ],
        run    => ours('old-style', SMALL, $_),
    } } 1, 10, 100, 1000, 10_000;
    return {
        name     => 'recipients',
        title    => 'Growth: recipients of one message, old-style calls, 2 KB',
        unit     => 'recipients/s',
        each     => 'message',
        sink     => \@LMTP,
        baseline => '100 recipients',
        programs => \@programs,
    };
}

sub growing_size {
    my ($name, $title, $mode, @sink) = @_;
    my @programs = map { {
        name   => $_->[0],
        kind   => 'ours',
        factor => $_->[1] / 1e6,
        count  => [ share(200e6, $_->[1], 5000), $_->[1] > 1e7 ? 0 : share(10e6, $_->[1], 100) ],
        run    => ours($mode, $_->[1]),
    } } sizes();
    return {
        name     => $name,
        title    => $title,
        unit     => 'MB/s',
        each     => 'message',
        sink     => \@sink,
        baseline => '1 MB',
        programs => \@programs,
    };
}

sub growing_count {
    my ($name, $title, $mode, @sink) = @_;
    my @programs = map { {
        name  => thousands($_) . ($_ == 1 ? ' message' : ' messages'),
        kind  => 'ours',
        count => [ $_, $_ > 1000 ? 0 : $_ ],
        once  => $_ > 10_000,
        run   => ours($mode, SMALL),
    } } 1, 10, 100, 1000, 10_000, 100_000;
    return {
        name     => $name,
        title    => $title,
        unit     => 'messages/s',
        each     => 'message',
        sink     => \@sink,
        baseline => '1,000 messages',
        programs => \@programs,
    };
}

sub growth {
    return (
        recipients(),
        growing_size('lmtp-size', 'Growth: size of a message, old-style calls', 'old-style', @LMTP),
        growing_size('qmtp-size', 'Growth: size of a message, QMTP send', 'qmtp-send', @QMTP),
        growing_count('lmtp-messages', 'Growth: messages on one link, old-style calls, 2 KB', 'old-style', @LMTP),
        growing_count('qmtp-messages', 'Growth: messages on one link, QMTP send, 2 KB', 'qmtp-send', @QMTP),
    );
}

# All rows. Arguments: dir (of the benchmark), programs (compiled), big_file, lf_file and mbox (their names), pem (a certificate with
# its key; undef: none), can (which calls there are), huge (with a message of 1 GB).
sub rows {
    my (%arg) = @_;
    ($dir, $bin, $big_file, $lf_file, $mbox, $pem, $huge) = @arg{qw(dir programs big_file lf_file mbox pem huge)};
    %can = %{ $arg{can} };
    return (
        old_style(), deliver(), submit(), lmtp_arguments('deliver', '--pipelining'), lmtp_arguments('submit', @LMTP),
        qmtp_send(), qmtp_stream(), qmtp_arguments(), lines(), blocks(), scan_alone(), file(), lf_file(), memory(),
        readers(), import_mbox(), pool(), trips(), growth(),
        tls(),
    );
}

# Programs of others that are not on this machine.
sub missing {
    my %seen;
    return grep { !$seen{$_}++ } @missing;
}

1;
