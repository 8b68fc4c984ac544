package Mail::Wire::Command::Message;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Errno qw(EINTR);
use Fcntl qw(SEEK_CUR SEEK_SET);
use IO::Handle ();
use Mail::Wire::Command qw(:all);

# A message from a file or standard input: the fields of its header, and the arguments of deliver for its content. What is no plain file is
# read whole before anything is sent, into memory or a temporary file: so one whose end was not seen is not sent for the whole. A "From " line
# in front is the mailbox's, and no part of it.

use constant { BLOCK => 65_536, HEAD_MAX => 1024 * 1024, MEMORY_MAX => 1024 * 1024 };

# '-' is standard input.
sub open_path {
    my ($class, $path) = @_;
    return $class->from_stdin if $path eq '-';
    open my $in, '<:raw', $path or fail(NO_INPUT, "$path: $!");
    fail(NO_INPUT, "$path: is a folder, not a message") if -d $in;
    return $class->new($in, $path);
}

sub from_stdin {
    my ($class) = @_;
    print STDERR "the message, up to Ctrl-D:\n" if -t STDIN;
    return $class->new(\*STDIN, 'standard input');
}

sub new {
    my ($class, $in, $name) = @_;
    my $self = bless { name => $name, file => $in, begin => 0 }, $class;
    my $at = -f $in ? sysseek $in, 0, SEEK_CUR : undef;
    if   (defined $at) { @$self{qw(begin end)} = (0 + $at, -s $in) }
    else               { $self->_gather }
    $self->_take_head;
    return $self;
}

sub _gather {
    my ($self) = @_;
    my ($in, $text, $spool) = (delete $self->{file}, '');
    $self->{end} = 0;
    while (my $got = interruptible(sub { $self->_read($in, \$text) })) {
        $self->{end} += $got;
        next if not $spool and length $text <= MEMORY_MAX;
        $spool ||= _temporary();
        _put($spool, $text);
        $text = '';
    }
    if ($spool) {
        _put($spool, $text);
        $self->{file} = _written($spool);
    }
    $self->{text} = $text;
    return;
}

# Appends a block.
sub _read {
    my ($self, $in, $text) = @_;
    while (1) {
        my $got = sysread $in, $$text, BLOCK, length $$text;
        return $got if defined $got;
        fail(NO_INPUT, "$self->{name}: $!") if $! != EINTR;
    }
}

# Without a name: it goes with its handle.
sub _temporary {
    open my $file, '+>', undef or fail(CANT_CREATE, "no temporary file: $!");
    binmode $file;
    return $file;
}

sub _put {
    my ($file, $octets) = @_;
    print {$file} $octets or fail(CANT_CREATE, "the temporary file: $!");
    return;
}

sub _written {
    my ($file) = @_;
    $file->flush or fail(CANT_CREATE, "the temporary file: $!");
    return $file;
}

# ---------------------------------------------------------------- the header

# A field's name, a colon, the rest; lines that go on begin with white space (RFC 5322 2.2).
my $FIELD = qr/[!-9;-~]+[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|\z)/;

sub _take_head {
    my ($self) = @_;
    my $head = $self->_bytes($self->{begin}, HEAD_MAX);
    if ($head =~ /\A(From [^\n]*\n)/) {
        $self->{from_line} = $1;
        $self->{begin} += length $1;
        substr $head, 0, length $1, '';
    }
    my @fields;
    push @fields, $1 while $head =~ /\G($FIELD)/gc;
    $self->{fields} = \@fields;
    $self->{body} = $self->{begin};
    $self->{body} += length foreach @fields;
    return;
}

# From an offset on, so many at the most.
sub _bytes {
    my ($self, $offset, $length) = @_;
    $length = $self->{end} - $offset if $length > $self->{end} - $offset;
    return '' if $length <= 0;
    return substr $self->{text}, $offset, $length if not $self->{file};
    my ($octets, $before) = ('', sysseek $self->{file}, 0, SEEK_CUR);
    sysseek $self->{file}, $offset, SEEK_SET;
    while (length $octets < $length) {
        my $got = sysread $self->{file}, $octets, $length - length $octets, length $octets;
        fail(NO_INPUT, "$self->{name}: " . (defined $got ? 'became shorter while it was read' : $!)) if not $got;
    }
    sysseek $self->{file}, $before, SEEK_SET;
    return $octets;
}

# The address of a "From " line in front ('' for MAILER-DAEMON, who sends with the null sender), undef: there is none.
sub from_line {
    my ($self) = @_;
    return if not defined $self->{from_line} or $self->{from_line} !~ /\AFrom +("(?:[^"\\]|\\.)*"\S*|\S+)/;
    return $1 eq 'MAILER-DAEMON' ? '' : $1;
}

# The contents of the fields of these names, unfolded, in order: [ name in lower case, content ].
sub fields {
    my ($self, @names) = @_;
    my %is_wanted = map { lc $_ => 1 } @names;
    return grep { $is_wanted{ $_->[0] } } map { _taken_apart($_) } @{ $self->{fields} };
}

sub _taken_apart {
    my ($name, $content) = $_[0] =~ /\A([^:]*?)[ \t]*:(.*)\z/s;
    $content =~ s/\r?\n(?=[ \t])//g;
    $content =~ s/\A\s+|\s+\z//g;
    return [ lc $name, $content ];
}

# The message goes without these fields.
sub leave_out {
    my ($self, @names) = @_;
    my %is_out = map { lc $_ => 1 } @names;
    return $self->_keep(grep { !$is_out{ _taken_apart($_)->[0] } } @{ $self->{fields} });
}

# The contents of the first field of each of these names that is in front of all fields of others; undef for those that are not. The message
# goes without them. also: names that may stand between.
sub take_off {
    my ($self, $also, @names) = @_;
    my (%found, @left);
    my %is_wanted = map { lc $_ => 1 } @names;
    my %is_passed = (%is_wanted, map { lc $_ => 1 } @$also);
    my @fields = @{ $self->{fields} };
    while (@fields) {
        my ($name, $content) = @{ _taken_apart($fields[0]) };
        last if not $is_passed{$name};
        my $field = shift @fields;
        if   ($is_wanted{$name} and not defined $found{$name}) { $found{$name} = $content }
        else                                                   { push @left, $field }
    }
    $self->_keep(@left, @fields);
    return @found{ map {lc} @names };
}

sub _keep {
    my ($self, @fields) = @_;
    fail(REFUSED, "$self->{name}: has a header of more than a megabyte") if $self->{body} - $self->{begin} >= HEAD_MAX;
    $self->{head} = join '', @fields if @fields != @{ $self->{fields} };
    return;
}

# As it is.
sub head { return join '', @{ $_[0]{fields} } }

# ---------------------------------------------------------------- the content

sub name { return $_[0]{name} }

# Arguments of deliver.
sub content {
    my ($self) = @_;
    my $head = $self->{head};
    my $from = defined $head ? $self->{body} : $self->{begin};
    my $size = $self->{end} - $from;
    if (not $self->{file} or defined $head and $size <= MEMORY_MAX) {
        my $text = (defined $head ? $head : '') . $self->_bytes($from, $size);
        return (Data => \$text);
    }
    return (Range => [ $self->{file}, $from, $size ]) if not defined $head;
    return (Range => [ $self->_copied($head, $from), 0, $size + length $head ]);
}

sub _copied {
    my ($self, $head, $from) = @_;
    my $copy = _temporary();
    _put($copy, $head);
    for (my $at = $from; $at < $self->{end}; $at += BLOCK) { _put($copy, $self->_bytes($at, BLOCK)) }
    return _written($copy);
}

# ---------------------------------------------------------------- addresses

# The addresses of a list as in To (RFC 5322 3.4): comments, names and groups' names left out. Fails for what is none.
sub addresses {
    my ($self, $list) = @_;
    my ($address, $angle, $is_apart, @found) = ('');
    my $take = sub {
        fail(REFUSED, "$self->{name}: '$address' is no address") if not defined $angle and $is_apart;
        push @found, grep {length} defined $angle ? $angle : $address;
        ($address, $angle, $is_apart) = ('');
    };
    while ((pos $list || 0) < length $list) {
        if    ($list =~ /\G(\s+)|\G(\((?:[^()\\]|\\.|(?2))*\))/gcs) { next }
        elsif ($list =~ /\G[,;]/gc)                                  { $take->() }
        elsif (defined $angle)                                       { $self->_no_list(substr $list, pos $list) }    # one of two would be left out
        elsif ($list =~ /\G<((?:[^"<>]|"(?:[^"\\]|\\.)*")*)>/gcs)   { $angle = _without_route($1) }
        elsif ($list =~ /\G:/gc)                                     { ($address, $is_apart) = ('') }
        elsif ($list =~ /\G("(?:[^"\\]|\\.)*"|\[[^\]]*\]|[^\s()<>,;:"\[\]]+)/gcs) {
            my $word = $1;
            $is_apart ||= length $address && $address !~ /[.@]\z/ && $word !~ /\A[.@]/;
            $address .= ($is_apart ? ' ' : '') . $word;
        }
        else { $self->_no_list(substr $list, pos $list || 0) }
    }
    $take->();
    return @found;
}

sub _no_list {
    my ($self, $rest) = @_;
    return fail(REFUSED, "$self->{name}: no list of addresses: '" . substr($rest, 0, 60) . q('));
}

# RFC 5322 4.4: routes in front of an address are to be ignored.
sub _without_route {
    my ($angle) = @_;
    $angle =~ s/\A\s*@[^:]*://;
    $angle =~ s/\A\s+|\s+\z//g;
    return $angle;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Message - a message that the command mailwire is given

=head1 DESCRIPTION

Internal to Mail-Wire: it reads the header of a message in a file or on standard input, and says how C<deliver> gets the content. It may change
in any release.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
