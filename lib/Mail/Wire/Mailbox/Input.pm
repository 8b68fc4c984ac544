package Mail::Wire::Mailbox::Input;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Client ();
use Mail::Wire::Fault ();
use Mail::Wire::Source ();
use Mail::Wire::Spool ();
use Mail::Wire::Standard ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# The bytes of a file, in order: of a plain file or a part of one, which messages can be sent from, or what code gives.

use constant BLOCK => 1 << 18;

sub of_path {
    my ($class, $path) = @_;
    my $fh;
    Mail::Wire::Standard::apart(sub { open $fh, '<:raw', $path }) or croak "cannot read $path: $!";
    return -f $fh ? $class->of_file($path, $fh, 0, -s _) : $class->of_handle($path, $fh);
}

sub of_file {
    my ($class, $name, $fh, $from, $size) = @_;
    return bless { name => $name, file => $fh, from => $from, size => $size, stamp => Mail::Wire::_file_stamp($fh), at => 0, ahead => '' }, $class;
}

# What is read from the handle, as it is read.
sub of_handle {
    my ($class, $name, $fh) = @_;
    my $source = Mail::Wire::Source->of_handle($fh, 'it');
    return $class->of_code($name, sub {
        my ($self, $at) = @_;
        my $piece = _tried(sub { $source->next }, sub { $self->fail($_[0], $at) });
        return defined $piece ? $piece : '';
    });
}

# The code is called with the input and the offset, and returns a piece, '' at the end.
sub of_code {
    my ($class, $name, $code) = @_;
    return bless { name => $name, code => $code, at => 0, ahead => '' }, $class;
}

sub name { $_[0]{name} }
sub file { $_[0]{file} }
sub size { $_[0]{size} }
sub at   { $_[0]{at} }

# Croaks: what is wrong, and where.
sub fail {
    my ($self, $words, $at) = @_;
    croak "$self->{name}, offset " . (defined $at ? $at : $self->{at}) . ": $words";
}

# ---------------------------------------------------------------- reading

# How many bytes were appended to the text; 0 at the end.
sub _append {
    my ($self, $text, $at, $most) = @_;
    my $left = $self->{size} - $at;
    if ($left <= 0) {
        $self->check;
        return 0;
    }
    my $got = Mail::Wire::_append_at($$text, $self->{file}, $self->{from} + $at, $most < $left ? $most : $left);
    return $got if $got > 0;
    return $self->fail($got ? "cannot read: $!" : 'the file has become shorter');
}

# For Range: so many bytes of a plain file.
sub range {
    my ($self, $at, $length) = @_;
    $self->check;
    return [ $self->{file}, $self->{from} + $at, $length ];
}

# Croaks when a plain file is not what it was when it was opened.
sub check {
    my ($self) = @_;
    return if not $self->{file} or Mail::Wire::_file_stamp($self->{file}) eq $self->{stamp};
    return $self->fail('the file was written to while it was read: lock it, or read a copy');
}

sub _piece {
    my ($self, $at) = @_;
    return $self->{code}->($self, $at) if $self->{code};
    $self->_append(\(my $piece = ''), $at, BLOCK);
    return $piece;
}

# What comes, without taking it: so many bytes or more, fewer at the end only.
sub peek {
    my ($self, $count) = @_;
    while (length $self->{ahead} < $count) {
        my $piece = $self->_piece($self->{at} + length $self->{ahead});
        last if not length $piece;
        $self->{ahead} .= $piece;
    }
    return $self->{ahead};
}

# The next bytes, so many at the most; '' at the end.
sub read {
    my ($self, $most) = @_;
    $self->{ahead} = $self->_piece($self->{at}) if not length $self->{ahead};
    my $piece = substr $self->{ahead}, 0, defined $most ? $most : BLOCK, '';
    $self->{at} += length $piece;
    return $piece;
}

# The same, appended to a text: false at the end.
sub read_to {
    my ($self, $text) = @_;
    if ($self->{file} and not length $self->{ahead}) {
        my $got = $self->_append($text, $self->{at}, BLOCK);
        $self->{at} += $got;
        return $got;
    }
    my $piece = $self->read;
    $$text .= $piece;
    return length $piece;
}

# Some bytes of a plain file, wherever they are: fewer than asked for at its end.
sub look {
    my ($self, $at, $count) = @_;
    $self->_append(\(my $text = ''), $at, $count);
    return $text;
}

# Goes on to this offset, which is not behind.
sub skip_to {
    my ($self, $at) = @_;
    if ($self->{file}) {
        $self->fail('the file ends too early: it is cut', $self->{size}) if $at > $self->{size};
        @{$self}{qw(at ahead)} = ($at, '');
    }
    while ($self->{at} < $at) {
        length $self->read($at - $self->{at}) or $self->fail('the data ends too early: it is cut');
    }
    return;
}

# ---------------------------------------------------------------- others made of it

# The next so many bytes, under a name of their own. The caller goes on with skip_to.
sub part {
    my ($self, $size, $name) = @_;
    my $class = ref $self;
    my $end = $self->{at} + $size;
    if ($self->{file}) {
        $self->fail('the file ends too early: it is cut', $self->{size}) if $end > $self->{size};
        return $class->of_file($name, $self->{file}, $self->{from} + $self->{at}, $size);
    }
    return $class->of_code($name, sub {
        return '' if $self->{at} >= $end;
        my $piece = $self->read($end - $self->{at});
        return length $piece ? $piece : $self->fail('the data ends too early: it is cut');
    });
}

# The rest, as a text in memory or a temporary file.
sub spool {
    my ($self) = @_;
    return spooled(sub { my $piece = $self->read; return length $piece ? $piece : undef });
}

# A Mail::Wire::Spool of what the code gives.
sub spooled {
    my ($code) = @_;
    return _tried(sub { Mail::Wire::Spool->new(Mail::Wire::Source->begun($code, '')) }, sub { croak $_[0] });
}

# What the code returns. Other code is called with why the content cannot be had, if it cannot.
sub _tried {
    my ($code, $fails) = @_;
    my $result;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $result = $code->() });
    return $result if $ok;
    my $why = Mail::Wire::Fault::why($error);
    die $error if not defined $why;
    return $fails->($why);
}

# The same as a plain file, whole and by itself.
sub settled {
    my ($self) = @_;
    return $self if $self->{file} and $self->{size} == -s $self->{file};
    my $file = Mail::Wire::Spool::_temporary();
    my $size = 0;
    while (length(my $piece = $self->read)) {
        print {$file} $piece or $self->fail("cannot write a temporary file: $!");
        $size += length $piece;
    }
    $file->flush or $self->fail("cannot write a temporary file: $!");
    return (ref $self)->of_file($self->{name}, $file, 0, $size);
}

1;
