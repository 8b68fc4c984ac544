package Mail::Wire::Mailbox::Tar;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

our @CARP_NOT = ('Mail::Wire::Mailbox');

# A tar archive, file by file: POSIX's, with its extended headers, and GNU's long names. Nothing of a file is held in memory here, as the
# modules that read archives do.

use constant RECORD => 512;

# The longest header of names.
use constant NAMES_MAX => 1024 * 1024;

# Fields: input, place, how.
sub new {
    my ($class, %in) = @_;
    return bless { %in, next_at => 0 }, $class;
}

# Those before POSIX say so by nothing but a checksum, which any text may have: there the name must say it too.
sub is_tar {
    my ($head, $name) = @_;
    return _is_header($head) && (substr($head, 257, 5) eq 'ustar' || $name =~ /\.(?:tar|t)\z/i);
}

# The checksum counts its own field as blanks.
sub _is_header {
    my ($head) = @_;
    return 0 if length $head < RECORD;
    my $record = substr $head, 0, RECORD;
    my $sum = substr $record, 148, 8, ' ' x 8;
    return $sum =~ /\A[ \0]*([0-7]+)[ \0]*\z/ && oct $1 == unpack '%32C*', $record;
}

# A number in octal digits, or in binary where it is large.
sub _number {
    my ($self, $field) = @_;
    if ($field =~ /\A\x80/) {
        my $number = 0;
        $number = $number * 256 + ord for split //, substr $field, 1;
        return $number;
    }
    $field =~ /\A[ \0]*([0-7]+)[ \0]*\z/ or $self->{input}->fail('a size in the archive is none');
    no warnings 'portable';
    return oct $1;
}

# The next header: a reference to its name, size and type. Nothing at the end.
sub _header {
    my ($self) = @_;
    my $input = $self->{input};
    $input->skip_to($self->{next_at});
    my $record = substr $input->peek(RECORD), 0, RECORD;
    length $record == RECORD or $input->fail('the archive has no end mark: it is cut');
    return if $record =~ /\A\0*\z/;
    _is_header($record) or $input->fail('the archive is damaged: a header is due');
    $input->skip_to($self->{next_at} + RECORD);
    my ($name, $size, $type, $magic, $prefix) = unpack 'Z100 x24 a12 x20 a1 x100 a6 x82 Z155', $record;
    $name = "$prefix/$name" if $magic eq "ustar\0" and length $prefix;
    $size = $self->_number($size);
    $self->_skip_map($record) if $type eq 'S';

    # Of links and devices: some say a size, and have no data.
    $size = 0 if $type =~ /\A[1-6]\z/ and _is_header($input->peek(RECORD));
    $self->_ends_behind($size);
    return { name => $name, size => $size, type => $type };
}

sub _ends_behind {
    my ($self, $size) = @_;
    $self->{next_at} = $self->{input}->at + int(($size + RECORD - 1) / RECORD) * RECORD;
    return;
}

# What is behind the header of a file with holes, and not in its size, while a mark says that there is more.
sub _skip_map {
    my ($self, $record) = @_;
    my $input = $self->{input};
    my $mark = substr $record, 482, 1;
    while ($mark ne "\0") {
        $record = $input->peek(RECORD);
        $input->skip_to($input->at + RECORD);
        $mark = substr $record, 504, 1;
    }
    return;
}

sub _text {
    my ($self, $size) = @_;
    $self->{input}->fail('a name in the archive is too long') if $size > NAMES_MAX;
    my $text = substr $self->{input}->peek($size), 0, $size;
    $text =~ s/\0+\z//;
    return $text;
}

# Folders, devices, and what says something of the archive: there is no mail in them.
my $is_no_file = qr/\A[3-6DKVg]\z/;

# In POSIX's headers.
my $is_of_use = qr/path|size|GNU\.sparse\.\w+|SCHILY\.realsize/;

# Names and values of POSIX's header: each record says its length, as a value may be anything, line ends included.
sub _records {
    my ($self, $size) = @_;
    my $text = $self->_text($size);
    my %given;
    while ($text =~ s/\A([0-9]{1,9}) //) {
        my $left = $1 - length($1) - 1;
        my $record = $left > 0 && $left <= length $text ? substr $text, 0, $left, '' : '';
        my ($name, $value) = $record =~ /\A([^=]*)=(.*)\n\z/s or $self->{input}->fail('a header in the archive is damaged');
        $given{$name} = $value if $name =~ /\A(?:$is_of_use)\z/;
    }
    $self->{input}->fail('a header in the archive is damaged') if length $text;
    return %given;
}

# The next file, with the name and the size that headers in front of it gave. A link, a file with holes and what is not known is one
# without bytes, whose name is all that can be told.
sub _file {
    my ($self) = @_;
    my %given;
    while (my $header = $self->_header) {
        my $type = $header->{type};
        if ($type eq 'L') { $given{path} = $self->_text($header->{size}) }
        elsif ($type eq 'x') { %given = (%given, $self->_records($header->{size})) }
        elsif ($type !~ $is_no_file) {
            foreach my $key ('path', 'GNU.sparse.name') { $header->{name} = $given{$key} if defined $given{$key} }
            $self->_ends_behind($header->{size} = $given{size}) if defined $given{size};
            $header->{size} = 0 if $type !~ /\A[0\0 7]\z/ or grep {/sparse|realsize/} keys %given;
            return $header if $header->{name} !~ m{/\z};
            %given = ();
        }
        elsif ($type !~ /\A[Kg]\z/) { %given = () }
    }
    return;
}

# Nothing but zeros is behind the end mark. What is packed is checked to its end by that.
sub _finish {
    my ($self) = @_;
    my $input = $self->{input};
    while (length(my $piece = $input->read)) {
        $input->fail('the archive goes on behind an end mark: it is damaged, or two in one', $input->at - length $piece) if $piece =~ /[^\0]/;
    }
    return;
}

sub next {
    my ($self) = @_;
    while (my $file = $self->_file) {
        (my $place = $file->{name}) =~ s{\A(?:\.?/)+}{};
        my $part = $self->{input}->part($file->{size}, $self->{input}->name . ": $place");
        return [ $part, length $self->{place} ? "$self->{place}/$place" : $place ];
    }
    $self->_finish;
    return;
}

1;
